package onlineca

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/go-ntlmssp"
)

// scheme is a way to log in.
type scheme string

const (
	anonymous scheme = ""
	basic     scheme = "basic"
	ntlm      scheme = "ntlm"
	negotiate scheme = "negotiate"
)

// knowledge is what is known of the login of a CA.
type knowledge struct {
	login scheme
	known bool // it has worked
	open  bool // the greeting is shown to everybody, so that it proves nothing
}

// offered finds schemes in WWW-Authenticate headers, of which there may be
// several, each with several schemes.
var offered = pattern(`(?i)(?:^|,)\s*(NTLM|Negotiate|Basic|Digest|Bearer|Kerberos)\b`)

func offers(header http.Header) []scheme {
	var all []scheme
	for _, value := range header.Values("WWW-Authenticate") {
		for _, m := range offered().FindAllStringSubmatch(value, -1) {
			all = append(all, scheme(strings.ToLower(m[1])))
		}
	}
	return all
}

// exchange makes a call with the login that the server asks for. Its last
// reply may be 401 when none of them was accepted. Repeating a call after a
// 401 is safe: the server turned it away before anything read it. How to log in
// is learned from the greeting, not from a request that is sent in vain.
func (n *lane) exchange(ctx context.Context, c call) (*reply, error) {
	t := &turn{gate: n.link.gate, forced: c.forced}
	defer t.end()
	if c.method == http.MethodPost && n.link.greeting != "" && n.link.Username != "" && !n.link.knows().known {
		if r, err := n.converse(ctx, n.link.greet(c), t); err != nil || !r.succeeded() {
			return r, err
		}
	}
	return n.converse(ctx, c, t)
}

func (n *lane) converse(ctx context.Context, c call, t *turn) (*reply, error) {
	var tried []scheme
	current := n.link.first(c)
	for {
		r, err := n.attempt(ctx, c, current, t)
		if err != nil {
			return nil, err
		}
		if r.status != http.StatusUnauthorized || n.link.Username == "" {
			if r.succeeded() {
				n.link.learn(r.by, c)
				t.accepted()
			}
			return r, nil
		}
		tried = append(tried, current, r.by)
		next := n.link.next(offers(r.header), tried)
		// NTLM and then Basic are one try, which is the scout's alone.
		if next == anonymous || t.shown && !t.scout {
			t.turnedDown()
			return r, nil
		}
		current = next
	}
}

// first is how a call begins. An EST server gets the password of a POST
// unasked, once TLS has shown that it is the right one: some close the
// connection after their 401, and the request would have to be sent twice. Its
// other pages are for everybody.
func (l *link) first(c call) scheme {
	k := l.knows()
	switch {
	case l.Type == EST && c.method != http.MethodPost:
		return anonymous
	case l.Type == EST && !k.known && l.Username != "" && !l.RequireNTLM:
		return basic
	}
	return k.login
}

// next is what to try after a 401. NTLM comes first, since it does not show the
// password to the server; Negotiate with an NTLM token is the same under
// another name.
func (l *link) next(offered, tried []scheme) scheme {
	for _, s := range []scheme{ntlm, negotiate, basic} {
		twin := s == negotiate && slices.Contains(tried, ntlm)
		if slices.Contains(offered, s) && !slices.Contains(tried, s) && !twin && !(s == basic && l.RequireNTLM) {
			return s
		}
	}
	return anonymous
}

// greet is a call that only shows whether the login works.
func (l *link) greet(c call) call {
	return call{doing: c.doing, method: http.MethodGet, path: l.greeting, forced: c.forced}
}

// attempt makes a call with one login. Before a scout's POST the greeting has
// to prove it, so that nobody waits for as long as a CA takes to decide.
func (n *lane) attempt(ctx context.Context, c call, s scheme, t *turn) (*reply, error) {
	if s == anonymous {
		return n.plain(ctx, c)
	}
	if s != basic && n.loggedIn != nil { // by NTLM, and it holds
		r, err := n.send(ctx, c, "")
		if err != nil || r.status != http.StatusUnauthorized {
			return by(s, r), err
		}
		n.loggedIn = nil
	}
	if err := t.pass(ctx, c.doing); err != nil {
		if ctx.Err() != nil {
			return nil, n.link.gone(ctx, c)
		}
		return nil, err
	}
	if k := n.link.knows(); !t.scout && k.login != anonymous {
		s = k.login // which the scout has found out
	}
	if t.scout && c.method == http.MethodPost && n.link.greeting != "" && !n.link.knows().open {
		r, err := n.show(ctx, n.link.greet(c), s, t)
		if err != nil || !r.succeeded() {
			return r, err
		}
		if t.shown {
			t.accepted()
			return n.attempt(ctx, c, s, t)
		}
	}
	return n.show(ctx, c, s, t)
}

// plain makes a call without a login.
func (n *lane) plain(ctx context.Context, c call) (*reply, error) {
	if len(c.body) > 0 {
		n.fresh()
	}
	return n.send(ctx, c, "")
}

// show makes a call with the password.
func (n *lane) show(ctx context.Context, c call, s scheme, t *turn) (*reply, error) {
	if s == basic {
		if len(c.body) > 0 {
			n.fresh()
		}
		t.shown = true
		r, err := n.send(ctx, c, n.link.basic())
		return by(s, r), err
	}
	r, moved, err := n.handshake(ctx, c, s, t)
	if err == nil && moved && r.status == http.StatusUnauthorized {
		r, _, err = n.handshake(ctx, c, s, t)
	}
	return by(s, r), err
}

// by notes the login of the call that a reply answers.
func by(s scheme, r *reply) *reply {
	if r != nil {
		r.by = s
	}
	return r
}

// handshake is an empty request that asks for the challenge, then the call with
// the answer to it. It works on one connection only; moved says that there were
// two, since the first went away.
func (n *lane) handshake(ctx context.Context, c call, s scheme, t *turn) (r *reply, moved bool, err error) {
	name := map[scheme]string{ntlm: "NTLM", negotiate: "Negotiate"}[s]
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, false, n.link.broken(c, err, false)
	}
	empty := c
	empty.body = nil
	r, err = n.send(ctx, empty, name+" "+base64.StdEncoding.EncodeToString(hello))
	if err != nil {
		return nil, false, err
	}
	if r.status != http.StatusUnauthorized { // let in without a login
		if c.body != nil {
			r, err = n.send(ctx, c, "")
		}
		return r, false, err
	}
	challenge := token(r.header, name)
	if !bytes.HasPrefix(challenge, []byte("NTLMSSP\x00")) {
		r.noNTLM = true
		return r, false, nil
	}
	answer, err := n.answer(challenge, r.conn)
	if err != nil {
		return nil, false, n.link.broken(c, err, false)
	}
	asked := r.conn
	t.shown = true
	r, err = n.send(ctx, c, name+" "+base64.StdEncoding.EncodeToString(answer))
	if err == nil && r.status != http.StatusUnauthorized {
		n.loggedIn = r.conn
	}
	return r, err == nil && r.conn != asked, err
}

func (n *lane) answer(challenge []byte, conn net.Conn) ([]byte, error) {
	if secure, ok := conn.(*tls.Conn); ok {
		if certificates := secure.ConnectionState().PeerCertificates; len(certificates) > 0 {
			bound, err := withBinding(challenge, certificates[0])
			if err != nil {
				return nil, err
			}
			challenge = bound
		}
	}
	answer, err := ntlmssp.NewAuthenticateMessage(challenge, n.link.Username, n.link.Password, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChallenge, err)
	}
	return answer, nil
}

func token(header http.Header, name string) []byte {
	for _, value := range header.Values("WWW-Authenticate") {
		word, text, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(word, name) {
			continue
		}
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && len(raw) > 0 {
			return raw
		}
	}
	return nil
}
