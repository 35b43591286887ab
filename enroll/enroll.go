// Package enroll holds the rules of CAPF: who may have a certificate, what
// happens to a request, and what an operator may change. Phones (through
// enroll/server) and operators (through commands) obey the same ones. It joins
// store, which keeps bytes, with crypto, which knows their meaning; it knows
// nothing of sockets, frames or command lines.
package enroll

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"capf/crypto"
	"capf/store"
)

// What callers tell apart, besides the errors of store.
var (
	// ErrRefused says that a rule forbids what was asked.
	ErrRefused = errors.New("refused")
	// ErrValue says that a value is not one that can be taken.
	ErrValue = errors.New("not a valid value")
	// ErrNotReady says that there is no CAPF certificate yet.
	ErrNotReady = errors.New("there is no CAPF certificate yet")
)

// Rules applies the rules to one database.
type Rules struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger

	strangers strangers
}

// adviseError is an error with advice for the person who caused it.
type adviseError struct {
	error
	hint string
}

func (e adviseError) Unwrap() error { return e.error }

// Hint is what to do about it, in one line.
func (e adviseError) Hint() string { return e.hint }

func withHint(err error, format string, args ...any) error {
	return adviseError{err, fmt.Sprintf(format, args...)}
}

// kindError is a refusal whose text stands for itself and whose kind can be
// told with errors.Is.
type kindError struct {
	kind error
	text string
}

func (e kindError) Error() string { return e.text }
func (e kindError) Unwrap() error { return e.kind }

func refused(format string, args ...any) error {
	return kindError{ErrRefused, fmt.Sprintf(format, args...)}
}

func badValue(format string, args ...any) error {
	return kindError{ErrValue, fmt.Sprintf(format, args...)}
}
