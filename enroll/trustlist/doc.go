// Package trustlist turns the trust lists of phones (CTL, ITL), signed configuration
// files (.sgn), encrypted ones (.enc.sgn) and the frames of TVS into Go values and back:
// bytes in, bytes out, as package wire does for CAPF. It also knows by which names phones
// ask for files, and says what a phone thinks of them, because that depends on nothing
// else. The lists may be anyone's: those that we make are the subject of package lists.
// Sockets, clocks, logs, the database and how a file came here are its users' business.
package trustlist

import (
	"errors"
	"fmt"
)

// MaxFile is the longest file in bytes that a phone takes, firmware apart, and that is read
// or written (trust-list.md, section 8).
const MaxFile = 2048 << 10

// ErrMalformed is wrapped by every error about bytes that are no trust list or no
// signed file.
var ErrMalformed = errors.New("malformed")

// malformedError is an error whose text says what is wrong, without the word malformed.
type malformedError struct{ text string }

func (e *malformedError) Error() string { return e.text }
func (e *malformedError) Unwrap() error { return ErrMalformed }

func malformed(format string, args ...any) error {
	return &malformedError{fmt.Sprintf(format, args...)}
}
