package commands

import "golang.org/x/sys/unix"

// withoutEcho has a terminal show nothing of what is typed until the function
// that it returns is called. What is no terminal stays as it is.
func withoutEcho(fd int) (restore func()) {
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &silent) // ReadPassword says what is wrong with it
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }
}
