package onlineca

import (
	"encoding/base64"
	"errors"
	"html"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// The two ways in which a CA fails us, as the vendor's operation status names
// them.
var (
	// ErrUnreachable is "CA Communication Failure": no connection, no trust in
	// it, no answer in time, an answer that nobody can read. Later may be better.
	ErrUnreachable = errors.New("CA communication failure")
	// ErrRejected is "CA Rejected Connection": the CA understood and said no.
	ErrRejected = errors.New("CA rejected connection")
)

// Error is why a CA gave no certificate. It wraps ErrUnreachable or
// ErrRejected, and the cause when there is one. Nothing in it is secret.
type Error struct {
	Kind   error  // ErrUnreachable or ErrRejected
	Doing  string // what was tried
	Reason string // one line of ours
	Code   string // the CA's own number: "0x80094800" or an HTTP status; may be empty
	Words  string // the CA's own words, at most 300 characters in one line; may be empty
	Advice string // what the operator can do about it; may be empty

	// RequestID is the number under which a Microsoft CA keeps the request; a
	// refused one has a number too.
	RequestID string
	// RetryAfter is how long to leave the CA alone, when that is known.
	RetryAfter time.Duration
	// Sent says that the request may have reached the CA, so that sending it
	// again may make a second certificate. Only Submit sets it.
	Sent bool
	// Decided says that the CA itself turned this request down. Any other
	// failure of Fetch leaves a certificate that may exist: keep the number.
	Decided bool
	// Certificate is one, in DER or what passes for it, that came in an answer that
	// cannot be used otherwise. It is live at the CA.
	Certificate []byte

	Err error

	again  bool // the same fetch may succeed in a moment
	dead   bool // the CA itself did not answer; counts towards leaving it alone
	status int  // of HTTP, when that was the failure

	arrived bool // there was a connection: the failure may be about this call only
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

// Temporary says that the same may succeed in a moment: the connection broke or
// the server was busy.
func (e *Error) Temporary() bool { return e.again }

// PutOff says that the server answered without looking at the request, because
// of trouble of its own or with our login. One that it has taken before is not
// lost by that.
func (e *Error) PutOff() bool {
	return e.status == http.StatusUnauthorized || e.status >= http.StatusInternalServerError
}

// maxWords bounds what is repeated of a foreign text, in characters.
const maxWords = 300

var tags = pattern(`(?s)<[^>]*(?:>|$)`)

// plain makes one line of a piece of a page: no tags, no entities, no control
// or direction characters, at most limit characters.
func plain(s string, limit int) string {
	s = html.UnescapeString(tags().ReplaceAllString(s, " "))
	s = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar:
			return '?'
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs), !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = strings.TrimSpace(string(runes[:limit-1])) + "…"
	}
	return s
}

// words is plain for what a server said. A proxy's page may repeat the headers
// that it got, so the password and its encoded form are taken out.
func (c *Config) words(s string) string {
	secrets := []string{c.Password}
	if c.Password != "" {
		both := []byte(c.Username + ":" + c.Password)
		secrets = append(secrets, base64.StdEncoding.EncodeToString(both), base64.RawStdEncoding.EncodeToString(both))
	}
	// Before and after: an entity or a tag may stand in the middle of it.
	return hide(plain(hide(html.UnescapeString(s), secrets), maxWords), secrets)
}

func hide(s string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[hidden]")
		}
	}
	return s
}
