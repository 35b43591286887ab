package term

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"capf/commands/internal/host"
)

// File is a stream that may be a terminal.
type File interface {
	io.Reader
	io.Writer
	Fd() uintptr
}

func IsTerminal(stream any) bool {
	f, ok := stream.(File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// restoring makes sure, until done is called, that a signal which ends the program
// leaves the terminal as it is now.
func restoring(in File) (done func()) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return func() {} // nobody could have changed it
	}
	ending, over := make(chan os.Signal, 1), make(chan struct{})
	host.Notify(ending, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case sig := <-ending:
			term.Restore(fd, before)
			host.Obey(sig)
		case <-over:
		}
	}()
	return func() {
		signal.Stop(ending)
		close(over)
	}
}
