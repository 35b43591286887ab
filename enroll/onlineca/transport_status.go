package onlineca

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// complete refuses what is not a whole page with status 200.
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

// statusError explains an answer that is neither 200 nor what the caller knows.
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
		e.Kind = ErrUnreachable // nothing was decided about the request
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

// target is the host of a redirect, or the path on the same one.
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

// retryAfter reads seconds or a date; zero when there is none.
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
