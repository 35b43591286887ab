// Package onlineca asks a company CA for a certificate over HTTPS: Microsoft
// Web Enrollment (the pages under /certsrv/) or EST (RFC 7030). A request goes
// in, a certificate with its chain comes out.
//
// It must not know phones, the database or the parameters. What it returns is
// decoded but not checked: before anything is stored, the caller checks the
// certificate against the request, the device and capf-trust.
//
// Once a CA has a request, it issues a certificate that is valid whether or not
// we ever learn of it. So a request that may have arrived is never sent twice,
// and Submit returns the number of a request before its certificate is fetched:
// the caller stores the number first.
//
// A kind of CA is a line in the table of kinds.go and a file of its own
// (microsoft.go, est.go). All kinds use the transport, which knows HTTPS and
// logins, but not the certificates that phones ask for.
package onlineca

import (
	"context"
	"crypto/x509"
)

// Client talks to one CA. It is safe for concurrent use. A change of the
// configuration or of capf-trust needs a new one.
type Client struct {
	transport *transport
	ca        ca
}

// New returns a client for the CA that c describes. It opens no connection. A
// configuration that cannot work is refused, naming the wrong field.
func New(c Config) (*Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	kind, _ := KindOf(c.Type) // check has found the kind
	c.fill()
	t := newTransport(c, kind.login)
	return &Client{t, kind.open(c, t)}, nil
}

// Submit sends a PKCS#10 request in DER, once: when the connection breaks
// after it may have arrived, the *Error has Sent set and the caller decides.
// Errors are *Error and wrap ErrUnreachable or ErrRejected.
//
// A CA that gave no number for a pending request is asked for its certificate
// by submitting the same bytes again.
func (c *Client) Submit(ctx context.Context, csrDER []byte) (Answer, error) {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return Answer{}, notARequest(err)
	}
	return c.ca.submit(ctx, csr)
}

func notARequest(err error) *Error {
	return &Error{Kind: ErrRejected, Doing: "reading the certificate request", Reason: "it is not a PKCS#10 request", Err: err}
}

// Fetch fetches the certificate of a request by the CA's number, or says that it
// is still pending. It changes nothing at the CA, so it retries and may be
// repeated at will. Errors are *Error.
func (c *Client) Fetch(ctx context.Context, requestID string) (Answer, error) {
	if f, ok := c.ca.(fetcher); ok {
		return f.fetch(ctx, requestID)
	}
	kind, _ := KindOf(c.transport.config.Type)
	return Answer{}, &Error{Kind: ErrRejected, Doing: "fetching a certificate by number", Reason: kind.Server + " keeps no numbers; the same request is sent again"}
}

// Bind opens a connection for one request if the CA wants requests bound to the
// connection that carries them; otherwise it returns nil. Errors are *Error;
// ErrRejected is a CA that wants what TLS does not permit.
func (c *Client) Bind(ctx context.Context) (*Bound, error) {
	if b, ok := c.ca.(binder); ok {
		return b.bind(ctx)
	}
	return nil, nil
}

// CACertificates fetches the certificates of the CA itself, in DER.
func (c *Client) CACertificates(ctx context.Context) ([][]byte, error) {
	all, err := c.ca.certificates(ctx)
	if err != nil {
		return nil, err
	}
	return rawOf(all), nil
}

// Presented returns the certificates that the CA's web server sends in the TLS
// handshake, its own first, trusted or not. It sends no request. Errors are
// *Error.
func (c *Client) Presented(ctx context.Context) ([]*x509.Certificate, error) {
	return c.transport.presented(ctx)
}

// Close closes the idle connections.
func (c *Client) Close() { c.transport.close() }
