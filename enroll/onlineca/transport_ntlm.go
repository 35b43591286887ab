package onlineca

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/Azure/go-ntlmssp"
)

// handshake makes a call with NTLM: an empty request asks for the challenge, and
// the call carries the answer. Both must go over one TLS connection; moved says
// that they did not, because it was closed in between.
func (cn *connection) handshake(ctx context.Context, c call, s scheme, p *permit) (r *reply, moved bool, err error) {
	name := map[scheme]string{ntlm: "NTLM", negotiate: "Negotiate"}[s]
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, false, cn.transport.broken(c, err, false)
	}
	empty := c
	empty.body = nil
	r, err = cn.send(ctx, empty, name+" "+base64.StdEncoding.EncodeToString(hello))
	if err != nil {
		return nil, false, err
	}
	if r.status != http.StatusUnauthorized { // let in without a login
		if c.body != nil {
			r, err = cn.send(ctx, c, "")
		}
		return r, false, err
	}
	challenge := token(r.header, name)
	if !bytes.HasPrefix(challenge, []byte("NTLMSSP\x00")) {
		r.noNTLM = true
		return r, false, nil
	}
	answer, err := cn.answer(challenge, r.conn)
	if err != nil {
		return nil, false, cn.transport.broken(c, err, false)
	}
	asked := r.conn
	p.shown = true
	r, err = cn.send(ctx, c, name+" "+base64.StdEncoding.EncodeToString(answer))
	if err == nil && r.status != http.StatusUnauthorized {
		cn.loggedIn = r.conn
	}
	return r, err == nil && r.conn != asked, err
}

// answer makes the answer to a challenge, bound to the TLS connection.
func (cn *connection) answer(challenge []byte, conn net.Conn) ([]byte, error) {
	if secure, ok := conn.(*tls.Conn); ok {
		if certificates := secure.ConnectionState().PeerCertificates; len(certificates) > 0 {
			bound, err := withBinding(challenge, certificates[0])
			if err != nil {
				return nil, err
			}
			challenge = bound
		}
	}
	answer, err := ntlmssp.NewAuthenticateMessage(challenge, cn.transport.config.Username, cn.transport.config.Password, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChallenge, err)
	}
	return answer, nil
}

// token returns what a server sends after the name of a scheme; nil for nothing.
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
