package commands

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// heeded are those of the signals that the program was not started to ignore, as
// under nohup, or in the background of a script.
func heeded(signals ...os.Signal) (kept []os.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// notify is signal.Notify, for which no signal at all would be every one.
func notify(c chan<- os.Signal, signals []os.Signal) {
	if len(signals) > 0 {
		signal.Notify(c, signals...)
	}
}

// untilSignal is for work that takes long: at the first signal that asks the
// program to end, or when the terminal or the connection of the operator has
// gone, the context ends, so that the step at hand can be finished and what was
// made stays findable. A second Ctrl-C or SIGTERM ends the program at once. A
// SIGHUP that follows another does not, to the program's end: a connection that
// drops brings one from the system and one from the operator's shell.
func (env *Env) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	asked, gone := make(chan os.Signal, 1), make(chan os.Signal, 1)
	notify(asked, heeded(syscall.SIGINT, syscall.SIGTERM))
	notify(gone, heeded(syscall.SIGHUP))
	var hungUp atomic.Bool
	go func() {
		select {
		case sig := <-asked:
			env.tell(sig)
		case sig := <-gone:
			hungUp.Store(true)
			env.tell(sig)
		case <-ctx.Done():
		}
		signal.Stop(asked)
		cancel()
	}()
	return ctx, func() {
		cancel()
		if !hungUp.Load() {
			signal.Stop(gone)
		}
	}
}

// tell keeps the signal for capf shell, whose line it has ended.
func (env *Env) tell(sig os.Signal) {
	select {
	case env.told <- sig:
	default: // one is enough
	}
}

// whileHeard is a context that ends when nobody can read any more what is written
// to out: of a pipe or socket the other end is closed.
func whileHeard(ctx context.Context, out terminalFile) (context.Context, func(), error) {
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		fds := []unix.PollFd{{Fd: int32(out.Fd())}, {Fd: int32(wake.Fd()), Events: unix.POLLIN}}
		for {
			if _, err := unix.Poll(fds, -1); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		if fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			cancel()
		}
	}()
	return ctx, func() {
		waker.Close()
		<-watched
		wake.Close()
		cancel()
	}, nil
}

// restoring puts the terminal back as it is now before a signal ends the program
// that has changed it, until done is called.
func restoring(in terminalFile) (done func()) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return func() {} // nobody could have changed it
	}
	ending, over := make(chan os.Signal, 1), make(chan struct{})
	notify(ending, heeded(syscall.SIGTERM, syscall.SIGHUP))
	go func() {
		select {
		case sig := <-ending:
			term.Restore(fd, before)
			signal.Reset(sig)
			syscall.Kill(os.Getpid(), sig.(syscall.Signal))
		case <-over:
		}
	}()
	return func() {
		signal.Stop(ending)
		close(over)
	}
}

// stoppable is a stream whose reader stops waiting for it when the context ends.
type stoppable struct {
	ctx context.Context
	in  io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	type read struct {
		data []byte
		err  error
	}
	got := make(chan read, 1)
	go func() {
		data := make([]byte, len(p))
		n, err := s.in.Read(data)
		got <- read{data[:n], err}
	}()
	select {
	case r := <-got:
		return copy(p, r.data), r.err
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}
