package onlineca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"time"
)

// tlsConfig trusts the Roots and nothing else. It speaks HTTP/1.1 only,
// because an NTLM login belongs to a connection.
func (c *Config) tlsConfig() *tls.Config {
	roots := x509.NewCertPool()
	for _, root := range c.Roots {
		roots.AddCert(root)
	}
	t := &tls.Config{
		RootCAs:    roots,
		ServerName: c.Host,
		NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12,
		Time:       c.Now,
		VerifyConnection: func(state tls.ConnectionState) error {
			if why := c.impostor(state.VerifiedChains); why != "" {
				return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: errors.New(why)}
			}
			return nil
		},
	}
	if c.ClientCertificate != nil {
		// A web server may ask for a client certificate only after it has seen the
		// path.
		t.Renegotiation = tls.RenegotiateOnceAsClient
	}
	return t
}

// impostor says why none of the paths proves that the web server is the CA's; ""
// when one does.
func (c *Config) impostor(paths [][]*x509.Certificate) (why string) {
	if c.Impostor == nil {
		return ""
	}
	for _, path := range paths {
		if why = c.Impostor(path); why == "" {
			return ""
		}
	}
	return why
}

// handshakeError is an error of the handshake, not of a connection that broke
// later.
type handshakeError struct {
	error
	asked bool // the server has asked for a client certificate
}

func (e handshakeError) Unwrap() error { return e.error }

// dialTLS makes a TLS connection to a server whose certificate is trusted.
func (t *transport) dialTLS(ctx context.Context, network, _ string) (net.Conn, error) {
	return t.dialTLSWith(ctx, network, t.tls)
}

func (t *transport) dialTLSWith(ctx context.Context, network string, settings *tls.Config) (net.Conn, error) {
	raw, err := t.config.Dial(ctx, network, t.config.address())
	if err != nil {
		return nil, err
	}
	asked := false
	settings = settings.Clone()
	settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		if t.config.ClientCertificate == nil {
			return new(tls.Certificate), nil
		}
		// It is sent even if the server's list of issuers does not name its issuer:
		// that list is often empty or short, and the server decides anyway.
		return t.config.ClientCertificate, nil
	}
	listening := &listener{Conn: raw}
	secure := tls.Client(listening, settings)
	err = secure.HandshakeContext(ctx)
	if err == nil && asked && secure.ConnectionState().Version >= tls.VersionTLS13 {
		err = listening.verdict(secure)
	}
	if err != nil {
		raw.Close()
		return nil, handshakeError{err, asked}
	}
	return secure, nil
}

// verdictTime is how long we listen to a server that is silent after the
// handshake. Nearly all send tickets.
const verdictTime = time.Second

// listener is a connection that can wait for the first bytes after the handshake.
type listener struct {
	net.Conn
	waits, heard bool
}

func (l *listener) Read(p []byte) (int, error) {
	if l.waits && l.heard {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := l.Conn.Read(p)
	l.heard = l.waits && n > 0
	return n, err
}

// verdict waits for the server's verdict on the client certificate that it asked
// for. With TLS 1.3 that comes after the handshake, and nobody could tell whether
// a request sent in the meantime was read. A satisfied server sends tickets.
func (l *listener) verdict(secure *tls.Conn) error {
	l.waits = true
	defer func() { l.waits = false }()
	_ = l.SetReadDeadline(time.Now().Add(verdictTime)) // its failure is that of the read
	_, err := secure.Read(make([]byte, 1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return l.SetReadDeadline(time.Time{})
	}
	return err
}

// presented is Client.Presented.
func (t *transport) presented(ctx context.Context) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.config.Limits.Get, errSlow)
	defer cancel()
	asking := call{doing: "asking " + t.config.address() + " for its HTTPS certificate"}
	raw, err := t.config.Dial(ctx, "tcp", t.config.address())
	if err != nil {
		return nil, t.broken(asking, err, false)
	}
	defer raw.Close()
	var presented []*x509.Certificate
	config := t.tls.Clone()
	config.InsecureSkipVerify = true // we only look at what it presents
	config.GetClientCertificate = nil
	config.VerifyConnection = func(state tls.ConnectionState) error {
		presented = state.PeerCertificates
		return nil
	}
	err = tls.Client(raw, config).HandshakeContext(ctx)
	if len(presented) == 0 && err != nil {
		return nil, t.broken(asking, handshakeError{err, false}, false)
	}
	return presented, nil // a server that wants a client certificate may refuse us after that
}
