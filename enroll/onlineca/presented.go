package onlineca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
)

// Presented returns the certificates that the CA's web server sends in the TLS
// handshake, its own first, whether they are to be trusted or not. Nothing else
// is sent to the server. Errors are *Error.
func (c *Client) Presented(ctx context.Context) ([]*x509.Certificate, error) {
	l := c.link
	ctx, cancel := context.WithTimeoutCause(ctx, l.Limits.Get, errSlow)
	defer cancel()
	asking := call{doing: "asking " + l.address() + " for its HTTPS certificate"}
	raw, err := l.Dial(ctx, "tcp", l.address())
	if err != nil {
		return nil, l.broken(asking, err, false)
	}
	defer raw.Close()
	var presented []*x509.Certificate
	config := l.tls.Clone()
	config.InsecureSkipVerify = true // to look at it, before it is trusted
	config.GetClientCertificate = nil
	config.VerifyConnection = func(state tls.ConnectionState) error {
		presented = state.PeerCertificates
		return nil
	}
	err = tls.Client(raw, config).HandshakeContext(ctx)
	if len(presented) == 0 && err != nil {
		return nil, l.broken(asking, handshakeError{err, false}, false)
	}
	return presented, nil // a server that wants a client certificate may refuse us after that
}
