package commands

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"capf/enroll"
	"capf/store"
)

// errPartly marks the outcome of a command that did some of what it was asked
// for and has said what it left.
var errPartly = errors.New("partly done")

// errDeclined ends a command whose question was answered with no, or broken
// off with Ctrl-C. Nothing has been changed then.
var errDeclined = errors.New("nothing was changed")

// usageError is a command line that cannot be carried out as it stands.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }

// Hint is the advice that is printed below the error.
func (e *usageError) Hint() string { return e.hint }

func usagef(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// misuse makes a misused command line of the error of a parser.
func misuse(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{text: err.Error()}
}

// kindError is an error whose text stands for itself and whose kind decides
// the exit code.
type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// Hint is the advice that is printed below the error.
func (e *hinted) Hint() string { return e.hint }

func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// hint finds the advice that an error carries, or that its kind calls for.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "listen" && errors.Is(err, fs.ErrPermission):
		return "a port below 1024 needs CAP_NET_BIND_SERVICE; capf.service says how it is given"
	case errors.Is(err, enroll.ErrNotReady):
		return "capf init makes the CAPF certificate"
	case errors.Is(err, store.ErrNewer):
		return "install the capf that wrote it, or a newer one"
	case errors.Is(err, store.ErrForeign):
		return "--db or CAPF_DB names the database"
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, fs.ErrPermission):
		return "run it as the user to whom the file belongs"
	case errors.Is(err, store.ErrReplaced):
		return "put the database that is meant in its place, with capf restore for a backup, and start again"
	case errors.Is(err, store.ErrFull):
		return "make room and try again"
	}
	return ""
}

// unseenError is the end of a command that has made a secret which nobody could
// be shown. It does not unwrap: that a reader has gone is no error otherwise.
type unseenError struct {
	cause error
	hint  string
}

func (e *unseenError) Error() string {
	return fmt.Sprintf("what was made is in force, but could not be shown: %v", pathless(e.cause))
}

// Hint tells how it is to be had.
func (e *unseenError) Hint() string { return e.hint }

// seen brings a secret that was printed, with err, to whoever is to read it.
func (env *Env) seen(err error, hint string, args ...any) error {
	if err = cmp.Or(err, env.out.Flush()); err != nil {
		return &unseenError{err, fmt.Sprintf(hint, args...)}
	}
	return nil
}

// oneLine keeps a message on its line, whatever a file or a peer put into it.
func oneLine(s string) string { return visible(strings.TrimSpace(s)) }
