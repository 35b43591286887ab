// Package apperr makes errors for the person who reads them: a text that stands
// for itself, a kind that programs tell with errors.Is, and a hint, which is what
// to do about it. It knows nothing of what went wrong, nor of exit codes and
// reason codes, which commands and enroll/server make of the kinds.
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
	// ErrValue says that a value is not one that can be taken.
	ErrValue = errors.New("not a valid value")
	// ErrUsage says that a command line cannot be carried out as it stands.
	ErrUsage = errors.New("misused")
	// ErrPartly says that something was done for some and not for others, of whom
	// it was said.
	ErrPartly = errors.New("partly done")
)

// kindError does not repeat the text of its kind.
type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

// New returns an error that reads as formatted and that errors.Is tells as kind.
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

// WithoutPath takes the operation and the path off an error of package os, for a
// message that has named both already. Other errors it returns as they are.
func WithoutPath(err error) error {
	switch e := err.(type) {
	case *os.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
