package onlineca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// boundIdle is how long a connection with a bound request may be idle, such as
// between a 401 and the request with the login.
const boundIdle = 2 * time.Minute

// Bound is a connection to a CA that accepts a request only if it names the
// connection. It counts against Limits.Concurrent until it is closed.
type Bound struct {
	// Challenge must be the challengePassword of the request.
	Challenge string

	est  *est
	conn net.Conn
	only *connection
	done sync.Once
}

var errUnbound = errors.New("the connection to which the request is bound is gone")

// bind opens a connection for one request if the server wants requests bound to
// their connection.
func (e *est) bind(ctx context.Context) (*Bound, error) {
	if !slices.ContainsFunc(e.wanted(ctx), challengePassword.Equal) {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.config.Limits.Get, errSlow)
	defer cancel()
	asking := call{doing: "making a connection for one request"}
	if err := e.transport.occupy(ctx, asking); err != nil {
		return nil, err
	}
	settings := e.transport.tls.Clone()
	settings.MaxVersion = tls.VersionTLS12
	conn, err := e.transport.dialTLSWith(ctx, "tcp", settings)
	var unique []byte
	if secure, ok := conn.(*tls.Conn); ok {
		unique = secure.ConnectionState().TLSUnique
	}
	if unique != nil {
		return &Bound{Challenge: base64.StdEncoding.EncodeToString(unique), est: e, conn: conn, only: e.boundConnection(conn)}, nil
	}
	e.transport.free()
	if err != nil && !strings.Contains(alertIn(err), "protocol version") {
		return nil, e.transport.broken(asking, err, false)
	}
	return nil, &Error{Kind: ErrRejected, Doing: asking.doing,
		Reason: "the EST server wants requests that name their TLS connection (challengePassword with tls-unique, RFC 7030, 3.5), which TLS 1.2 alone has, and it does not speak that",
		Advice: "allow TLS 1.2 on the EST server, or have it not ask for challengePassword in its csrattrs"}
}

// boundConnection uses this TLS connection and opens no other.
func (e *est) boundConnection(conn net.Conn) *connection {
	cn := e.transport.newConnection()
	cn.bound = true
	cn.http.IdleConnTimeout = boundIdle
	only := make(chan net.Conn, 1)
	only <- conn
	cn.http.DialTLSContext = func(context.Context, string, string) (net.Conn, error) {
		select {
		case conn := <-only:
			return conn, nil
		default:
			return nil, errUnbound
		}
	}
	return cn
}

// Submit is Client.Submit over the connection, for a request that has the Challenge.
// It can be called once.
func (b *Bound) Submit(ctx context.Context, csrDER []byte) (Answer, error) {
	defer b.Close()
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return Answer{}, notARequest(err)
	}
	return b.est.enroll(ctx, csr, func(c call) (*reply, error) {
		defer b.Close() // fetching the issuers may need another connection
		if !b.alive() {
			return nil, b.est.transport.broken(c, errUnbound, false)
		}
		return b.est.transport.doOn(ctx, b.only, c)
	})
}

// alive reports whether the server has kept the connection open while the
// phone signed. The server has nothing to send now, so a short read must end
// without a byte.
func (b *Bound) alive() bool {
	_ = b.conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // its failure is that of the read
	_, err := b.conn.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded) && b.conn.SetReadDeadline(time.Time{}) == nil
}

// Close releases the connection. It may be called more than once.
func (b *Bound) Close() {
	b.done.Do(func() {
		b.conn.Close()
		b.est.transport.free()
	})
}
