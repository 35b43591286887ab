package term

import "golang.org/x/sys/unix"

// withoutEcho keeps a terminal from showing what is typed until restore is
// called.
func withoutEcho(fd int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(fd, readTerminal)
	if err != nil {
		return nil, err
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, writeTerminal, &silent); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, writeTerminal, before) }, nil // there is nobody to tell
}
