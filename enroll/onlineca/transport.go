package onlineca

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// link is the way to one CA: a bounded number of connections, what is known
// of its login, and the breakers.
type link struct {
	Config
	tls *tls.Config

	// greeting is a page that shows how to log in; empty when there is none.
	greeting string

	slots chan struct{} // one for each lane in use
	down  *breaker      // the CA does not answer
	gate  *gate         // through which the password goes

	mu        sync.Mutex // guards the rest
	idle      []*lane
	knowledge knowledge
}

func newLink(c Config) *link {
	return &link{
		Config: c,
		tls:    c.tlsConfig(),
		slots:  make(chan struct{}, c.Limits.Concurrent),
		down:   &breaker{now: c.Now, threshold: c.Limits.Failures, first: c.Limits.Pause, longest: max(c.Limits.Pause, 5*time.Minute)},
		gate:   &gate{refused: &breaker{now: c.Now, threshold: 1, first: c.Limits.Refusal, longest: max(c.Limits.Refusal, 30*time.Minute)}},
	}
}

func (l *link) knows() knowledge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.knowledge
}

// learn remembers a login that worked. A page that anybody may fetch, as the
// certificates of an EST server, shows nothing.
func (l *link) learn(s scheme, c call) {
	if s == anonymous && c.method != http.MethodPost && c.path != l.greeting {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := &l.knowledge
	if !k.known || k.login != s {
		l.Log.Debug("login to the online CA works", "host", l.Host, "scheme", string(s))
	}
	k.login, k.known = s, true
	k.open = k.open || s == anonymous && c.path == l.greeting
}

// do makes one call, once, unless the CA is left alone, and notes how it went.
// Any answer of the server is a reply; errors are *Error.
func (l *link) do(ctx context.Context, c call) (*reply, error) {
	n, err := l.take(ctx, c)
	if err != nil {
		return nil, err
	}
	defer l.give(n)
	return l.doOn(ctx, n, c)
}

// doOn is do over a lane that the caller has.
func (l *link) doOn(ctx context.Context, n *lane, c call) (*reply, error) {
	probe, wait, ok := l.down.enter()
	if !ok && !c.forced {
		return nil, l.leftAlone(c, wait)
	}
	heard, about, why := unclear, c.subject, ""
	defer func() {
		if pause := l.down.leaveAbout(probe, heard, about, why); pause > 0 {
			l.Log.Warn("online CA is left alone", "host", l.Host, "for", pause, "reason", why)
		}
	}()
	r, err := l.timed(ctx, n, c)
	switch failure := (*Error)(nil); {
	case errors.As(err, &failure):
		if failure.dead && ctx.Err() == nil {
			heard, why = bad, failure.Reason
		}
		if !failure.arrived { // there is no server for any request
			about = ""
		}
		return nil, err
	case r.status >= 500:
		heard, why = bad, answered(r.status)
	case r.short != nil && !errors.Is(r.short, errTooLong) && ctx.Err() == nil:
		heard, why = bad, r.short.Error()
	default:
		heard = good
	}
	return r, nil
}

// leftAlone is for a call that is not made since so many before it failed.
func (l *link) leftAlone(c call, wait time.Duration) *Error {
	reason := "several requests to the CA have failed; it is left alone for " + wait.Round(time.Second).String()
	if why := l.down.reason(); why != "" {
		reason = "the CA is left alone for " + wait.Round(time.Second).String() + ", since several requests to it have failed, the last one because " + why
	}
	return &Error{Kind: ErrUnreachable, Doing: c.doing, RetryAfter: wait, Reason: reason}
}

// notAgain is for a call that would send a password that was just refused.
func notAgain(doing string, wait time.Duration) *Error {
	return &Error{Kind: ErrRejected, Doing: doing, Code: "401", RetryAfter: wait, Advice: advice("401"), status: http.StatusUnauthorized,
		Reason: "the web server refused the user name or the password; they are not sent again for " + wait.Round(time.Second).String()}
}

// timed makes a call within the time of its method.
func (l *link) timed(ctx context.Context, n *lane, c call) (*reply, error) {
	limit := l.Limits.Get
	if c.method == http.MethodPost {
		limit = l.Limits.Post
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	return n.exchange(ctx, c)
}

// get makes a call that changes nothing, several times if need be.
func (l *link) get(ctx context.Context, c call) (*reply, error) {
	c.method = http.MethodGet
	pause := 500 * time.Millisecond
	for try := 1; ; try++ {
		r, err := l.do(ctx, c)
		if err == nil {
			if err = l.complete(c, r); err == nil {
				return r, nil
			}
		}
		var failure *Error
		if !errors.As(err, &failure) || !failure.again || try >= l.Limits.Tries || ctx.Err() != nil {
			return nil, err
		}
		// Half fixed, half random: phones that failed together come back apart.
		wait := pause/2 + rand.N(pause/2+1)
		if failure.RetryAfter > wait {
			return nil, err // the caller has more patience than we
		}
		l.Log.Info("online CA is asked again", "host", l.Host, "doing", c.doing, "in", wait, "error", err)
		if l.Sleep(ctx, wait) != nil {
			return nil, err
		}
		pause *= 2
	}
}

// complete refuses what is not a whole page with status 200.
func (l *link) complete(c call, r *reply) error {
	if r.status != http.StatusOK {
		return l.statusError(c, r)
	}
	if r.short != nil {
		return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer cannot be read", Err: r.short,
			again: !errors.Is(r.short, errTooLong), Sent: r.posted}
	}
	return nil
}

// statusError explains an answer that is neither 200 nor what the caller knows.
func (l *link) statusError(c call, r *reply) *Error {
	code := strconv.Itoa(r.status)
	e := &Error{Kind: ErrRejected, Doing: c.doing, Code: code, Advice: advice(code), RetryAfter: retryAfter(r.header, l.Now()), status: r.status}
	e.Reason = answered(r.status)
	e.Words = l.words(firstWords(unseen().ReplaceAllString(string(r.body), " ")))
	switch {
	case r.status >= 300 && r.status < 400:
		e.Kind, e.Words = ErrUnreachable, ""
		e.Reason = "the web server sends us elsewhere, to " + target(r.header.Get("Location"))
		e.Advice = "set online_ca_hostname and online_ca_port to the server that issues; credentials are not carried to another one"
	case r.status == http.StatusUnauthorized:
		e.Reason, e.Advice = l.loginTrouble(r)
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

var errSlow = errors.New("no answer in time")

// broken explains a call that got no answer at all.
func (l *link) broken(c call, err error, sent bool) *Error {
	e := &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the connection broke", Err: err, Sent: sent, again: true, dead: true,
		Advice: "check that the CA's web server runs and answers at this address"}
	var name *net.DNSError
	var op *net.OpError
	troubles := l.tlsTroubles(err)
	switch {
	case len(troubles) > 0:
		var all []string
		for _, t := range troubles {
			all = append(all, t.reason)
		}
		e.Reason, e.Err, e.again = strings.Join(all, "; "), nil, false
		e.Advice = troubles[0].advice
	case errors.Is(err, errUnbound):
		e.Reason, e.Err, e.again, e.dead = errUnbound.Error(), nil, false, false
		e.Advice = "the phone makes a new key when it comes back; look whether the EST server closes connections early"
	case wantsRenegotiation(err):
		// Our refusal ended the connection before anything read the request.
		e.Reason, e.Err, e.again, e.dead, e.Sent = "the web server wants a client certificate, which it asks for by TLS renegotiation", nil, false, false, false
		e.Advice = clientCertificateAdvice
	case errors.As(err, &name):
		e.Reason, e.again = fmt.Sprintf("the name %q has no address", l.Host), false
		e.Advice = "check online_ca_hostname and the name servers of this machine"
	case errors.Is(err, errChallenge):
		e.Reason, e.again, e.dead = "the login failed", false, false
		e.Advice = "check which authentication the CA's web server allows"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errSlow):
		e.Reason, e.Err, e.again = "the CA did not answer in time", nil, false
	case errors.As(err, new(handshakeError)):
		e.Reason = "the TLS handshake broke"
		e.Advice = "check that the CA's web server has an HTTPS certificate bound to this port, and what stands between"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		e.Advice = "the web server ended the connection instead of answering: look at its log, and at what stands between; " +
			"over TLS 1.3, IIS does so when it wants a client certificate for these pages alone: set client certificates to Ignore in the SSL Settings of CertSrv"
	case errors.As(err, &op) && op.Op == "dial":
		e.Reason = "no connection"
		e.Advice = "check online_ca_hostname, online_ca_port and the firewalls on the way"
	}
	return e
}

// gone is for a caller that left while it waited for its turn.
func (l *link) gone(ctx context.Context, c call) *Error {
	return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "gave up waiting for a turn at the CA", Err: context.Cause(ctx)}
}

// take waits for a lane, the most recently used first: its connection is the
// likeliest to be open still.
func (l *link) take(ctx context.Context, c call) (*lane, error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, l.gone(ctx, c)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.idle) - 1; last >= 0 {
		n := l.idle[last]
		l.idle = l.idle[:last]
		return n, nil
	}
	return l.newLane(), nil
}

func (l *link) give(n *lane) {
	l.mu.Lock()
	l.idle = append(l.idle, n)
	l.mu.Unlock()
	<-l.slots
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.idle {
		n.transport.CloseIdleConnections()
	}
}
