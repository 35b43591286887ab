// Package apperr makes errors for the person who reads them: a text that is complete
// by itself, a kind that programs recognise with errors.Is, and a hint that says what
// to do about it. It must not know what went wrong, nor the exit codes and reason
// codes, which commands and enroll/server derive from the kinds.
package apperr

import (
	"errors"
	"fmt"
	"os"
)

// The kinds that every room uses. Other kinds are sentinels of the room that
// returns them, such as store.ErrNotFound.
var (
	// ErrRefused says that a rule forbids what was asked.
	ErrRefused = errors.New("refused")
	// ErrValue says that a value is not acceptable.
	ErrValue = errors.New("not a valid value")
	// ErrUsage says that a command line cannot be carried out as it stands.
	ErrUsage = errors.New("misused")
	// ErrPartly says that something was done only partly, and the rest has been
	// reported.
	ErrPartly = errors.New("partly done")
	// ErrWaits says that it is not done yet: somebody else has to approve it.
	ErrWaits = errors.New("waits for approval")
)

// kindError is an error whose text does not repeat that of its kind.
type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

// New returns an error with the formatted text, which errors.Is recognises as kind.
// For several kinds, join them with errors.Join.
func New(kind error, format string, args ...any) error {
	return &kindError{kind, fmt.Sprintf(format, args...)}
}

// Refused returns an error of the kind ErrRefused.
func Refused(format string, args ...any) error { return New(ErrRefused, format, args...) }

// BadValue returns an error of the kind ErrValue.
func BadValue(format string, args ...any) error { return New(ErrValue, format, args...) }

// Usage returns an error of the kind ErrUsage.
func Usage(format string, args ...any) error { return New(ErrUsage, format, args...) }

// hinted is an error with a hint.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// WithHint adds a hint of one line to an error: a command, a flag, or what to do
// in a few words. Without an error or a hint it returns err.
func WithHint(err error, format string, args ...any) error {
	hint := fmt.Sprintf(format, args...)
	if err == nil || hint == "" {
		return err
	}
	return &hinted{err, hint}
}

// Hint returns the outermost hint that an error carries, "" when it has none.
func Hint(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}

// WithoutPath removes the operation and the path from an error of package os, for a
// message that has named both already. It returns other errors unchanged.
func WithoutPath(err error) error {
	switch e := err.(type) {
	case *os.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
