package onlineca

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// The two ways in which a CA fails, in the terms of the vendor's operation
// status.
var (
	// ErrUnreachable is "CA Communication Failure": there is no connection or
	// none that is trusted, or no answer in time or none that can be read. A
	// later attempt may succeed.
	ErrUnreachable = errors.New("CA communication failure")
	// ErrRejected is "CA Rejected Connection": the CA understood and said no.
	ErrRejected = errors.New("CA rejected connection")
)

// Error says why a CA returned no certificate. It wraps ErrUnreachable or
// ErrRejected, and the cause when there is one. It holds no secrets.
type Error struct {
	Kind   error  // ErrUnreachable or ErrRejected
	Doing  string // what was tried
	Reason string // one line in our words
	Code   string // the CA's own number: "0x80094800" or an HTTP status; may be empty
	Words  string // the CA's own words, at most 300 characters in one line; may be empty
	Advice string // what the operator can do about it; may be empty

	// RequestID is the number under which the CA keeps the request, even a
	// refused one; "" when there is none.
	RequestID string
	// RetryAfter is how long to leave the CA alone; zero if unknown.
	RetryAfter time.Duration
	// Sent says that the request may have reached the CA, so that sending it
	// again may make a second certificate. Only Submit sets it.
	Sent bool
	// Decided says that the CA itself rejected this request. After any other
	// failure of Fetch the certificate may exist: keep the number.
	Decided bool
	// Certificate is one from an answer that is otherwise unusable, in DER or
	// something close to it. It is valid at the CA.
	Certificate []byte

	Err error

	again   bool // a retry may succeed in a moment
	dead    bool // the CA did not answer, which counts towards leaving it alone
	arrived bool // there was a connection, so the failure may concern this call only
	status  int  // of HTTP; zero when that was not the failure
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Doing + ": " + e.Reason)
	if e.Err != nil {
		b.WriteString(": " + plain(e.Err.Error(), maxWords)) // it may quote what came
	}
	if e.Words != "" {
		b.WriteString(`: the CA says "` + e.Words + `"`)
	}
	if e.Code != "" && !strings.Contains(b.String(), e.Code) {
		b.WriteString(" (" + e.Code + ")")
	}
	return b.String()
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Temporary reports whether a retry may succeed in a moment, because the
// connection broke or the server was busy.
func (e *Error) Temporary() bool { return e.again }

// PutOff reports whether the server answered without looking at the request,
// because of trouble of its own or with our login. A request that it accepted
// earlier is not lost by that.
func (e *Error) PutOff() bool {
	return e.status == http.StatusUnauthorized || e.status >= http.StatusInternalServerError
}
