package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"capf/commands/internal/host"
)

// plainPrompter asks on a terminal that knows no escape sequences, or does not
// answer them: a shell in an editor, or a script that acts as the operator. Editing
// a line is left to the terminal.
type plainPrompter struct{ in, out File }

// Ask wants a line of text; an empty one is the suggestion.
func (p plainPrompter) Ask(question, suggestion string) (string, error) {
	if suggestion != "" {
		question += " (" + suggestion + ")"
	}
	answer, err := p.line(question)
	if answer = strings.TrimSpace(answer); answer == "" && err == nil {
		answer = suggestion
	}
	return answer, err
}

// Secret wants a line of text and does not show it, even if it is typed before the
// question is complete.
func (p plainPrompter) Secret(question string) (string, error) {
	defer restoring(p.in)()
	echo, err := withoutEcho(int(p.in.Fd()))
	if err != nil {
		return "", fmt.Errorf("asking on the terminal: %w", err)
	}
	defer echo()
	answer, err := p.line(question)
	fmt.Fprintln(p.out)
	return answer, err
}

// Confirm wants a yes; no is the suggestion.
func (p plainPrompter) Confirm(question string) (bool, error) {
	answer, err := p.line(question + " (y/N)")
	answer = strings.TrimSpace(answer)
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), err
}

// line reads no further than the end of the line: the rest may be for the next
// question.
func (p plainPrompter) line(question string) (string, error) {
	awaited, done, err := p.interruptible()
	if err != nil {
		return "", fmt.Errorf("asking on the terminal: %w", err)
	}
	defer done()
	fmt.Fprintf(p.out, "? %s ", question)
	var b strings.Builder
	for key := make([]byte, 1); ; {
		if err := awaited(); err != nil {
			return "", err
		}
		_, err := p.in.Read(key)
		switch {
		case errors.Is(err, io.EOF), err == nil && key[0] == 0x04: // Ctrl-D, for the terminal or typed before it looked at its keys
			return "", fmt.Errorf("no answer: %w", ErrDeclined)
		case err != nil:
			return "", fmt.Errorf("asking on the terminal: %w", err)
		case key[0] == '\n' || key[0] == '\r':
			return cursorReport().ReplaceAllString(b.String(), ""), nil
		}
		b.WriteByte(key[0])
	}
}

// interruptible returns a function that waits until there is something to read.
// Ctrl-C ends the wait with ErrDeclined, which it could not do during a read; the
// rest of the program may handle the signal in its own way.
func (p plainPrompter) interruptible() (awaited func() error, done func(), err error) {
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	interrupts := make(chan os.Signal, 1)
	host.Notify(interrupts, syscall.SIGINT)
	go func() {
		for range interrupts {
			waker.Write([]byte{0})
		}
		waker.Close()
	}()
	done = func() {
		signal.Stop(interrupts)
		close(interrupts)
		wake.Close()
	}
	awaited = func() error {
		interrupted, err := ready(p.in, wake, -1)
		switch {
		case err != nil:
			return fmt.Errorf("asking on the terminal: %w", err)
		case interrupted:
			fmt.Fprintln(p.out)
			return fmt.Errorf("interrupted: %w", ErrDeclined)
		}
		return nil
	}
	return awaited, done, nil
}

// ready waits until there is something to read, but at most limit milliseconds, or
// without a limit if that is negative. Woken says that wake, which may be nil, became
// readable first.
func ready(in File, wake *os.File, limit int) (woken bool, err error) {
	if t, ok := in.(*typedAhead); ok && len(t.typed) > 0 {
		return false, nil
	}
	fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}}
	if wake != nil {
		fds = append(fds, unix.PollFd{Fd: int32(wake.Fd()), Events: unix.POLLIN})
	}
	for {
		n, err := unix.Poll(fds, limit)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false, err
		case n == 0:
			return false, os.ErrDeadlineExceeded
		}
		return wake != nil && fds[1].Revents != 0, nil
	}
}
