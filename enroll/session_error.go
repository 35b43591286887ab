package enroll

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"capf/store"
)

// The kinds of SessionError. The server maps each to a reason code.
var (
	ErrUnknownDevice    = errors.New("unknown device")
	ErrNothingScheduled = errors.New("nothing is scheduled")
	ErrDeclined         = errors.New("declined")
	ErrLate             = errors.New("later than the operation had to be completed")
	ErrKey              = errors.New("key generation failed")
	ErrLost             = errors.New("connection lost")
	// ErrNotTrusted says that the phone turned down the CAPF certificate.
	ErrNotTrusted = errors.New("certificate not trusted")
	// ErrNoCommonTLS says that phone and server have no version of TLS or no cipher
	// suite in common.
	ErrNoCommonTLS = errors.New("no common TLS")
	ErrMalformed   = errors.New("malformed")
	ErrAborted     = errors.New("aborted")
	ErrSuperseded  = errors.New("superseded")
	// ErrEnded says that an operator has ended the session.
	ErrEnded = errors.New("ended by an operator")
	// ErrUnreachable says that the CA does not answer at present; the phone may
	// come back.
	ErrUnreachable = errors.New("the CA cannot be asked")
)

// SessionError says why a session ended without success. Any other error
// that ends a session is our own failure.
type SessionError struct {
	Kind   error       // one of the errors above; the phone's reason code follows from it
	Cause  store.Cause // the X of "Upgrade Failed: X"
	Detail string      // one line for the operator, without secrets
	Hint   string      // what to do, for the log of serve; mostly ""
	// RetryAfter is when the phone may try again (ErrUnreachable only).
	RetryAfter time.Duration
	// String is the result of the phone's authentication string.
	String StringResult
	// AddressDeclined says that from this wrong string on its address is
	// declined.
	AddressDeclined bool
	// Recorded says that the failure is in the database already, or need not
	// be. The server records every other one (Registrar.RecordFailure).
	Recorded bool
}

// StringResult is the result of an authentication string, for whoever
// watches for guessing. A phone that sent no string has not guessed.
type StringResult int

// The results of a string that was not accepted.
const (
	StringUnused              StringResult = iota // no string was compared
	StringWrong                                   // it is wrong
	StringLocks                                   // it is wrong, and locks the device
	StringLockedOut                               // the device is locked, whatever the string is
	StringFromDeclinedAddress                     // the address is declined, whatever the string is
)

func (e *SessionError) Error() string { return fmt.Sprintf("%v: %s", e.Kind, e.Detail) }
func (e *SessionError) Unwrap() error { return e.Kind }

func sessionError(kind error, cause store.Cause, format string, args ...any) *SessionError {
	return &SessionError{Kind: kind, Cause: cause, Detail: fmt.Sprintf(format, args...)}
}

// recorded marks an error as recorded and returns it.
func (e *SessionError) recorded() *SessionError {
	e.Recorded = true
	return e
}

// Lost ends a session whose phone is gone.
func Lost(format string, args ...any) *SessionError {
	return sessionError(ErrLost, store.CommunicationFailure, format, args...)
}

// NotTrusted ends a session whose phone turned down the CAPF certificate.
func NotTrusted(hint, format string, args ...any) *SessionError {
	return withHint(sessionError(ErrNotTrusted, store.NoCause, format, args...), hint)
}

// NoCommonTLS ends a session whose phone speaks another TLS than we do.
func NoCommonTLS(hint, format string, args ...any) *SessionError {
	return withHint(sessionError(ErrNoCommonTLS, store.NoCause, format, args...), hint)
}

func withHint(e *SessionError, hint string) *SessionError {
	e.Hint = hint
	return e
}

// Superseded ends a session whose phone has begun a newer one.
func Superseded(format string, args ...any) *SessionError {
	return sessionError(ErrSuperseded, store.NoCause, format, args...)
}

// Ended ends a session for an operator, whose command is in the record. It is no
// failure of the operation, which stays scheduled, nor of a request that waits.
func Ended() *SessionError {
	return sessionError(ErrEnded, store.NoCause, "an operator has ended the session").recorded()
}

// Malformed ends a session whose phone broke the protocol.
func Malformed(format string, args ...any) *SessionError {
	return sessionError(ErrMalformed, store.NoCause, format, args...)
}

// NoKey ends a session whose phone made no key.
func NoKey(format string, args ...any) *SessionError {
	return sessionError(ErrKey, store.KeyGenerationFailed, format, args...)
}

// Aborted ends a session that its user ended at the phone.
func Aborted() *SessionError {
	return sessionError(ErrAborted, store.NoCause, "the operation was aborted at the phone")
}

// Unable ends a session whose phone reports a failure.
func Unable(format string, args ...any) *SessionError {
	return sessionError(ErrDeclined, store.NoCause, format, args...)
}

// decline ends a session because of a certificate of this kind.
func (k CertificateKind) decline(format string, args ...any) *SessionError {
	cause := store.InvalidLSC
	if k == KindMIC {
		cause = store.InvalidMIC
	}
	return sessionError(ErrDeclined, cause, "%s: %s", strings.ToUpper(string(k)), fmt.Sprintf(format, args...))
}
