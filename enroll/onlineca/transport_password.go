package onlineca

import (
	"context"
	"sync"
)

// gate lets the password out. A directory locks an account after a few wrong
// ones, and a password that was right a moment ago may have been changed since.
// So one call at a time goes ahead with it, as a scout; those that came before
// the scout set out follow when the server has let it in, all at once, and those
// that came later wait for the next one. After a refusal nobody sends it for a
// while.
type gate struct {
	refused *breaker

	mu     sync.Mutex    // guards the rest
	scouts int           // that have set out
	proven int           // the last of them that was let in; 0 when the password was refused since
	back   chan struct{} // closed when the scout returns; nil while none is out
}

// turn is the leave of one call, with all its logins, to send the password.
type turn struct {
	*gate
	forced  bool // past the breaker
	allowed bool
	scout   bool // alone, until the server's verdict
	probe   bool // of the breaker
	shown   bool // the password is on its way
}

// pass waits until the password may be sent. The error is an *Error, or the
// context's.
func (t *turn) pass(ctx context.Context, doing string) error {
	if t.allowed {
		return nil
	}
	scout, err := t.follow(ctx)
	if err != nil {
		return err
	}
	t.allowed, t.scout = true, scout
	if !scout {
		return nil
	}
	probe, wait, ok := t.refused.enter()
	t.probe = probe
	if ok || t.forced {
		return nil
	}
	t.end()
	return notAgain(doing, wait)
}

// follow waits for a scout that sets out from now on, or makes one of the caller.
func (g *gate) follow(ctx context.Context) (scout bool, err error) {
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
func (t *turn) accepted() { t.settle(good) }

// turnedDown says that the server has refused the password.
func (t *turn) turnedDown() { t.settle(bad) }

// end is called whatever became of the call.
func (t *turn) end() { t.settle(unclear) }

func (t *turn) settle(v verdict) {
	if !t.shown {
		v = unclear
	}
	t.mu.Lock()
	switch {
	case v == bad:
		t.proven = 0
	case v == good && t.scout:
		t.proven = t.scouts
	}
	if t.scout {
		close(t.back)
		t.back = nil
	}
	t.mu.Unlock()
	// Who followed may have been let in before a later scout was refused.
	if v != good || t.scout {
		t.refused.leave(t.probe, v)
	}
	t.scout, t.probe, t.shown = false, false, false
}
