package onlineca

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// transport makes calls to the web server of one CA, over a bounded number of
// connections. When the CA does not answer, it is left alone for a while.
type transport struct {
	config   Config
	tls      *tls.Config
	login    *login
	password *passwordGate
	down     *breaker      // open while the CA is left alone
	slots    chan struct{} // one for each connection in use

	mu   sync.Mutex // guards idle
	idle []*connection
}

func newTransport(c Config, m loginManner) *transport {
	return &transport{
		config: c,
		tls:    c.tlsConfig(),
		login:  &login{config: c, manner: m},
		slots:  make(chan struct{}, c.Limits.Concurrent),
		down:   &breaker{now: c.Now, threshold: c.Limits.Failures, first: c.Limits.Pause, longest: max(c.Limits.Pause, 5*time.Minute)},
		password: &passwordGate{
			refused: &breaker{now: c.Now, threshold: 1, first: c.Limits.Refusal, longest: max(c.Limits.Refusal, 30*time.Minute)}},
	}
}

// do makes one call, once, unless the CA is being left alone, and tells the
// breaker how it went. Any answer of the server is a reply; errors are *Error.
func (t *transport) do(ctx context.Context, c call) (*reply, error) {
	cn, err := t.take(ctx, c)
	if err != nil {
		return nil, err
	}
	defer t.give(cn)
	return t.doOn(ctx, cn, c)
}

// doOn makes a call over a connection that the caller holds.
func (t *transport) doOn(ctx context.Context, cn *connection, c call) (*reply, error) {
	probe, wait, ok := t.down.enter()
	if !ok && !c.forced {
		return nil, t.leftAlone(c, wait)
	}
	heard, about, why := unclear, c.subject, ""
	defer func() {
		if pause := t.down.leaveAbout(probe, heard, about, why); pause > 0 {
			t.config.Log.Warn("online CA is left alone", "host", t.config.Host, "for", pause, "reason", why)
		}
	}()
	r, err := t.timed(ctx, cn, c)
	switch failure := (*Error)(nil); {
	case errors.As(err, &failure):
		if failure.dead && ctx.Err() == nil {
			heard, why = bad, failure.Reason
		}
		if !failure.arrived { // no server was reached, whatever the request is
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

// timed makes a call within the time limit of its method.
func (t *transport) timed(ctx context.Context, cn *connection, c call) (*reply, error) {
	limit := t.config.Limits.Get
	if c.method == http.MethodPost {
		limit = t.config.Limits.Post
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
	defer cancel()
	return cn.exchange(ctx, c)
}

// get makes a call that changes nothing, and so may be repeated.
func (t *transport) get(ctx context.Context, c call) (*reply, error) {
	c.method = http.MethodGet
	pause := 500 * time.Millisecond
	for try := 1; ; try++ {
		r, err := t.do(ctx, c)
		if err == nil {
			if err = t.complete(c, r); err == nil {
				return r, nil
			}
		}
		var failure *Error
		if !errors.As(err, &failure) || !failure.again || try >= t.config.Limits.Tries || ctx.Err() != nil {
			return nil, err
		}
		// Half fixed, half random, so that phones that failed together do not come
		// back together.
		wait := pause/2 + rand.N(pause/2+1)
		if failure.RetryAfter > wait {
			return nil, err // the caller can wait longer than we can
		}
		t.config.Log.Info("online CA is asked again", "host", t.config.Host, "doing", c.doing, "in", wait, "error", err)
		if t.config.Sleep(ctx, wait) != nil {
			return nil, err
		}
		pause *= 2
	}
}

// leftAlone is the error of a call that is not made because too many before it
// failed.
func (t *transport) leftAlone(c call, wait time.Duration) *Error {
	reason := "several requests to the CA have failed; it is left alone for " + wait.Round(time.Second).String()
	if why := t.down.reason(); why != "" {
		reason = "the CA is left alone for " + wait.Round(time.Second).String() + ", since several requests to it have failed, the last one because " + why
	}
	return &Error{Kind: ErrUnreachable, Doing: c.doing, RetryAfter: wait, Reason: reason}
}

// gone is the error of a caller that left before a connection was free.
func (t *transport) gone(ctx context.Context, c call) *Error {
	return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "gave up waiting for a turn at the CA", Err: context.Cause(ctx)}
}

// take waits until a connection is free. It prefers the one used last, which is
// the likeliest to be still open.
func (t *transport) take(ctx context.Context, c call) (*connection, error) {
	if err := t.occupy(ctx, c); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.idle) - 1; last >= 0 {
		cn := t.idle[last]
		t.idle = t.idle[:last]
		return cn, nil
	}
	return t.newConnection(), nil
}

func (t *transport) give(cn *connection) {
	t.mu.Lock()
	t.idle = append(t.idle, cn)
	t.mu.Unlock()
	t.free()
}

// occupy waits until one more connection may be in use.
func (t *transport) occupy(ctx context.Context, c call) error {
	select {
	case t.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return t.gone(ctx, c)
	}
}

// free lets another connection be used.
func (t *transport) free() { <-t.slots }

func (t *transport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, cn := range t.idle {
		cn.http.CloseIdleConnections()
	}
}
