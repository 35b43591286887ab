package host

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Notify is signal.Notify without the signals that the program was started to ignore, as
// it is under nohup or in the background of a script.
func Notify(c chan<- os.Signal, signals ...os.Signal) {
	signals = slices.DeleteFunc(signals, signal.Ignored)
	if len(signals) > 0 { // none at all would mean every one
		signal.Notify(c, signals...)
	}
}

// UntilSignal returns a context for work that takes long. It ends at the first
// signal that asks the program to end, or when the operator's terminal or connection
// is gone, so that the current step can be finished and its result can be found
// later. A second Ctrl-C or SIGTERM ends the program at once; a second SIGHUP never
// does, since a dropped connection causes one from the system and one from the
// operator's shell.
func UntilSignal(ctx context.Context, told chan<- os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	asked, gone := make(chan os.Signal, 1), make(chan os.Signal, 1)
	Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	Notify(gone, syscall.SIGHUP)
	var hungUp atomic.Bool
	go func() {
		select {
		case sig := <-asked:
			keep(told, sig)
		case sig := <-gone:
			hungUp.Store(true)
			keep(told, sig)
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

// Obey ends the program as the signal would have done that was caught.
func Obey(sig os.Signal) {
	signal.Reset(sig)
	syscall.Kill(os.Getpid(), sig.(syscall.Signal))
	time.Sleep(time.Minute) // another thread may get it, and this one must not be quicker
}

// keep remembers the signal for capf shell, whose line it has ended.
func keep(told chan<- os.Signal, sig os.Signal) {
	select {
	case told <- sig:
	default: // one is enough
	}
}

// WhileHeard returns a context that ends when the other end of out, a pipe or a socket,
// is closed, so that nobody can read what is written there.
func WhileHeard(ctx context.Context, out interface{ Fd() uintptr }) (context.Context, func(), error) {
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

// stoppable is a stream whose Read stops waiting when the context ends.
type stoppable struct {
	ctx context.Context
	in  io.Reader
}

// NewStoppable returns a reader of in that fails when ctx ends.
func NewStoppable(ctx context.Context, in io.Reader) io.Reader { return &stoppable{ctx, in} }

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
