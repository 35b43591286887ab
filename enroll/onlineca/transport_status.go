package onlineca

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// adviceByStatus says what an operator can do about an HTTP status, or one of
// IIS's finer substatuses.
var adviceByStatus = map[string]string{
	"400":   "the CA could not read the request",
	"401":   "check online_ca_username and online_ca_password, whether the account is locked, and which authentication the web server allows",
	"403":   "the account, or this machine, may not use these pages: check the web server's access rules",
	"403.4": "the pages are served over HTTPS only: check the port and that nothing in between takes the encryption off",
	"404":   "nothing is at this path: check that the enrollment role is installed, and the host, port and template or label",
	"405":   "the server at this address does not take requests: check the host and the port",
	"413":   "the web server finds the request too large",
	"429":   "the CA is asked too often; it will be tried again later",
}

// advice returns the advice for a status or a Microsoft code; "" when there
// is none.
func advice(code string) string {
	return cmp.Or(adviceByStatus[code], adviceByCode[strings.ToLower(code)])
}

// complete refuses an answer that is incomplete or does not have status
// 200.
func (t *transport) complete(c call, r *reply) error {
	if r.status != http.StatusOK {
		return t.statusError(c, r)
	}
	if r.short != nil {
		return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer cannot be read", Err: r.short,
			again: !errors.Is(r.short, errTooLong), Sent: r.posted}
	}
	return nil
}

// statusError explains an answer with a status that the caller does not expect.
func (t *transport) statusError(c call, r *reply) *Error {
	code := strconv.Itoa(r.status)
	e := &Error{Kind: ErrRejected, Doing: c.doing, Code: code, Advice: advice(code), RetryAfter: retryAfter(r.header, t.config.Now()), status: r.status}
	e.Reason = answered(r.status)
	e.Words = t.config.words(firstWords(unseen().ReplaceAllString(string(r.body), " ")))
	switch {
	case r.status >= 300 && r.status < 400:
		e.Kind, e.Words = ErrUnreachable, ""
		e.Reason = "the web server sends us elsewhere, to " + target(r.header.Get("Location"))
		e.Advice = "set online_ca_hostname and online_ca_port to the server that issues; credentials are not carried to another one"
	case r.status == http.StatusUnauthorized:
		e.Reason, e.Advice = t.login.trouble(r)
	case r.status == http.StatusForbidden && strings.Contains(string(r.body), "403.4"):
		e.Code, e.Advice = "403.4", advice("403.4")
	case certificateTrouble(r) != nil:
		e.Code, e.Reason, e.Advice = certificateTrouble(r).code, certificateTrouble(r).reason, clientCertificateAdvice
	case r.status == http.StatusNotFound, r.status == http.StatusMethodNotAllowed, r.status == http.StatusTooManyRequests:
		e.Kind = ErrUnreachable // the request was not decided
	case r.status == http.StatusProxyAuthRequired:
		e.Kind = ErrUnreachable
		e.Advice = "a proxy stands between us and the CA: the CA must be reached directly"
	case r.status >= 500:
		e.Kind, e.again, e.Sent = ErrUnreachable, true, r.posted
		e.Advice = "look at the CA's web server: it failed or is too busy"
	case r.status < 300:
		e.Kind, e.Sent = ErrUnreachable, r.posted
	}
	return e
}

func answered(status int) string {
	return "the web server answered " + strings.TrimSpace(strconv.Itoa(status)+" "+http.StatusText(status))
}

// target returns the host of a redirect, or the path on the same host.
func target(location string) string {
	u, err := url.Parse(location)
	if err != nil || location == "" {
		return "an unreadable address"
	}
	if u.Host == "" {
		return strconv.Quote(plain(u.Path, 80)) + " on the same host"
	}
	return strconv.Quote(plain(u.Scheme+"://"+u.Host, 120))
}

// retryAfter reads Retry-After, which is seconds or a date. It is zero without
// one, and at most a day.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, 24*time.Hour)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), 24*time.Hour)
	}
	return 0
}
