package onlineca

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// passwordGate decides which calls may send the password. A directory locks an
// account after a few wrong passwords, and a password that was right a moment
// ago may have been changed since. So one call goes ahead with it, as a scout.
// When the server has let the scout in, all calls follow that were waiting when
// it set out; later ones wait for the next scout. After a refusal, the password
// is not sent at all for a while.
type passwordGate struct {
	refused *breaker

	mu     sync.Mutex    // guards the rest
	scouts int           // how many have set out
	proven int           // the number of the last one that was let in; 0 after a refusal
	back   chan struct{} // closed when the scout returns; nil while there is none
}

// permit is one call's permission to send the password, in as many logins as it
// needs.
type permit struct {
	gate    *passwordGate
	forced  bool // past the breaker
	allowed bool
	scout   bool // it goes ahead alone
	probe   bool // it is the breaker's
	shown   bool // the password was sent
}

// pass waits until the password may be sent. Its errors are *Error, and those of
// the context.
func (p *permit) pass(ctx context.Context, doing string) error {
	if p.allowed {
		return nil
	}
	scout, err := p.gate.follow(ctx)
	if err != nil {
		return err
	}
	p.allowed, p.scout = true, scout
	if !scout {
		return nil
	}
	probe, wait, ok := p.gate.refused.enter()
	p.probe = probe
	if ok || p.forced {
		return nil
	}
	p.end()
	return notAgain(doing, wait)
}

// follow waits until a scout that sets out after this moment has been let in, or
// makes the caller that scout.
func (g *passwordGate) follow(ctx context.Context) (scout bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for came := g.scouts; ; {
		switch {
		case g.proven > came:
			return false, nil
		case g.back == nil:
			g.scouts++
			g.back = make(chan struct{})
			return true, nil
		}
		back := g.back
		g.mu.Unlock()
		select {
		case <-back:
		case <-ctx.Done():
			err = ctx.Err()
		}
		g.mu.Lock()
		if err != nil {
			return false, err
		}
	}
}

// accepted says that the server accepted the password; only a 2xx answer
// proves that.
func (p *permit) accepted() { p.settle(good) }

// turnedDown says that the server has refused the password.
func (p *permit) turnedDown() { p.settle(bad) }

// end is always called when the call is over.
func (p *permit) end() { p.settle(unclear) }

func (p *permit) settle(v verdict) {
	if !p.shown {
		v = unclear
	}
	p.gate.mu.Lock()
	switch {
	case v == bad:
		p.gate.proven = 0
	case v == good && p.scout:
		p.gate.proven = p.gate.scouts
	}
	if p.scout {
		close(p.gate.back)
		p.gate.back = nil
	}
	p.gate.mu.Unlock()
	// The success of a follower proves nothing: a later scout may have been
	// refused.
	if v != good || p.scout {
		p.gate.refused.leave(p.probe, v)
	}
	p.scout, p.probe, p.shown = false, false, false
}

// notAgain is the error of a call that would send a password which was just refused.
func notAgain(doing string, wait time.Duration) *Error {
	return &Error{Kind: ErrRejected, Doing: doing, Code: "401", RetryAfter: wait, Advice: advice("401"), status: http.StatusUnauthorized,
		Reason: "the web server refused the user name or the password; they are not sent again for " + wait.Round(time.Second).String()}
}
