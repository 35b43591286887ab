package onlineca

import (
	"context"
	"net/http"
)

// exchange makes a call with the login that the server asks for. The reply is a
// 401 when no login was accepted. A call may be repeated after a 401, since the
// server refused it unread. How to log in is learned from the login probe, not
// by sending a request in vain.
func (cn *connection) exchange(ctx context.Context, c call) (*reply, error) {
	p := &permit{gate: cn.transport.password, forced: c.forced}
	defer p.end()
	if c.method == http.MethodPost && cn.transport.login.unproven() {
		if r, err := cn.converse(ctx, cn.transport.login.probe(c), p); err != nil || !r.succeeded() {
			return r, err
		}
	}
	return cn.converse(ctx, c, p)
}

// converse makes a call with one login after another until one is accepted or
// none is left.
func (cn *connection) converse(ctx context.Context, c call, p *permit) (*reply, error) {
	var tried []scheme
	current := cn.transport.login.first(c)
	for {
		r, err := cn.attempt(ctx, c, current, p)
		if err != nil {
			return nil, err
		}
		if r.status != http.StatusUnauthorized || cn.transport.config.Username == "" {
			if r.succeeded() {
				cn.transport.login.learn(r.by, c)
				p.accepted()
			}
			return r, nil
		}
		tried = append(tried, current, r.by)
		next := cn.transport.login.next(offers(r.header), tried)
		// NTLM followed by Basic counts as one attempt, which only the scout may
		// make.
		if next == anonymous || p.shown && !p.scout {
			p.turnedDown()
			return r, nil
		}
		current = next
	}
}

// attempt makes a call with one login. A scout's POST comes after a login probe,
// so that the others need not wait until the CA has decided.
func (cn *connection) attempt(ctx context.Context, c call, s scheme, p *permit) (*reply, error) {
	if s == anonymous {
		return cn.plain(ctx, c)
	}
	if s != basic && cn.loggedIn != nil { // by NTLM, and the login is still in force
		r, err := cn.send(ctx, c, "")
		if err != nil || r.status != http.StatusUnauthorized {
			return by(s, r), err
		}
		cn.loggedIn = nil
	}
	if err := p.pass(ctx, c.doing); err != nil {
		if ctx.Err() != nil {
			return nil, cn.transport.gone(ctx, c)
		}
		return nil, err
	}
	if k := cn.transport.login.knows(); !p.scout && k.scheme != anonymous {
		s = k.scheme // as the scout has found out
	}
	if p.scout && c.method == http.MethodPost && cn.transport.login.canProve() {
		r, err := cn.show(ctx, cn.transport.login.probe(c), s, p)
		if err != nil || !r.succeeded() {
			return r, err
		}
		if p.shown {
			p.accepted()
			return cn.attempt(ctx, c, s, p)
		}
	}
	return cn.show(ctx, c, s, p)
}

// plain makes a call without a login.
func (cn *connection) plain(ctx context.Context, c call) (*reply, error) {
	if len(c.body) > 0 {
		cn.fresh()
	}
	return cn.send(ctx, c, "")
}

// show makes a call with the password.
func (cn *connection) show(ctx context.Context, c call, s scheme, p *permit) (*reply, error) {
	if s == basic {
		if len(c.body) > 0 {
			cn.fresh()
		}
		p.shown = true
		r, err := cn.send(ctx, c, cn.transport.config.basic())
		return by(s, r), err
	}
	r, moved, err := cn.handshake(ctx, c, s, p)
	if err == nil && moved && r.status == http.StatusUnauthorized {
		r, _, err = cn.handshake(ctx, c, s, p)
	}
	return by(s, r), err
}

// by notes in a reply the login of its call.
func by(s scheme, r *reply) *reply {
	if r != nil {
		r.by = s
	}
	return r
}
