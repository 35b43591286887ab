package onlineca

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// passwordGate lets the password out. A directory locks an account after a few wrong
// ones, and a password that was right a moment ago may have been changed since.
// So one call at a time goes ahead with it, as a scout; those that came before
// the scout set out follow when the server has let it in, all at once, and those
// that came later wait for the next one. After a refusal nobody sends it for a
// while.
type passwordGate struct {
	refused *breaker

	mu     sync.Mutex    // guards the rest
	scouts int           // that have set out
	proven int           // the last of them that was let in; 0 when the password was refused since
	back   chan struct{} // closed when the scout returns; nil while none is out
}

// permit is what one call needs, with all its logins, to send the password.
type permit struct {
	gate    *passwordGate
	forced  bool // past the breaker
	allowed bool
	scout   bool // alone, until the server's verdict
	probe   bool // of the breaker
	shown   bool // the password is on its way
}

// pass waits until the password may be sent. The error is an *Error, or the
// context's.
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

// follow waits for a scout that sets out from now on, or makes one of the caller.
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

// accepted says that the server has let the password in: an answer of 2xx, and
// nothing else, proves that.
func (p *permit) accepted() { p.settle(good) }

// turnedDown says that the server has refused the password.
func (p *permit) turnedDown() { p.settle(bad) }

// end is called whatever became of the call.
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
	// Who followed may have been let in before a later scout was refused.
	if v != good || p.scout {
		p.gate.refused.leave(p.probe, v)
	}
	p.scout, p.probe, p.shown = false, false, false
}

// notAgain is for a call that would send a password that was just refused.
func notAgain(doing string, wait time.Duration) *Error {
	return &Error{Kind: ErrRejected, Doing: doing, Code: "401", RetryAfter: wait, Advice: advice("401"), status: http.StatusUnauthorized,
		Reason: "the web server refused the user name or the password; they are not sent again for " + wait.Round(time.Second).String()}
}
