package commands

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// unread is stdout, which a reader such as head closes when it has seen enough. That is
// no failure. A list ends there, but a command that changes something, or says something
// by its exit code, has to come to its end, whoever reads what it prints.
type unread struct {
	out    io.Writer
	goesOn bool  // the command comes to its end
	gone   error // what the writer would have been told
}

func (u *unread) Write(p []byte) (int, error) {
	n, err := u.out.Write(p)
	if u.goesOn && errors.Is(err, syscall.EPIPE) {
		u.gone = err
		return len(p), nil
	}
	return n, err
}

// goOn makes a command come to its end, although nobody may read what it prints.
func (env *Env) goOn() {
	if env.stdout != nil {
		env.stdout.goesOn = true
	}
}

// flush brings what has been printed to its reader, and says if there is none.
func (env *Env) flush() error {
	err := env.out.Flush()
	if err == nil && env.stdout != nil {
		err = env.stdout.gone
	}
	return err
}

// outcome is the error with which a command ends that could not print everything. An
// answer in the exit code needs nobody who reads the rest of it, but is worth nothing
// without that where the disk is full.
func outcome(err, unprinted error) error {
	var answer exitCode
	switch {
	case unprinted == nil, err != nil && errors.Is(unprinted, syscall.EPIPE):
		return err
	case err == nil, errors.As(err, &answer):
		return unprinted
	}
	return fmt.Errorf("%w; %w", err, unprinted)
}
