// Package onlineca asks a company CA for a certificate over HTTPS: Microsoft
// Web Enrollment (the pages under /certsrv/) or EST (RFC 7030). A request goes
// in, a certificate with its chain comes out.
//
// It must not know phones, the database or the parameters. What it returns is
// decoded, not judged: before anything is stored, the caller checks the
// certificate against the request, the device and capf-trust.
//
// Once a CA has a request, it makes a certificate that is live whether or not we
// ever hear of it. So nothing is sent twice that may have arrived, and Submit
// returns the number of a request before its certificate is fetched: the caller
// writes the number down first.
//
// A kind of CA is a line in the table of kinds.go and a file of its own
// (microsoft.go, est.go). All of them talk through the transport, which knows
// HTTPS and how to log in, and nothing of certificates that phones ask for.
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
// configuration that cannot work is refused with the name of the wrong field.
func New(c Config) (*Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	kind, _ := KindOf(c.Type) // check has found it
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

// Fetch brings the certificate of a request that the CA knows by number, or says
// that it is still pending. It changes nothing at the CA, so it is tried several
// times and may be repeated at will. Errors are *Error.
func (c *Client) Fetch(ctx context.Context, requestID string) (Answer, error) {
	if f, ok := c.ca.(fetcher); ok {
		return f.fetch(ctx, requestID)
	}
	return Answer{}, &Error{Kind: ErrRejected, Doing: "fetching a certificate by number", Reason: "this CA keeps no numbers; the same request is sent again"}
}

// Bind makes a connection for one request, if the CA wants requests bound to the
// connection over which they come; otherwise it returns nil. Errors are *Error;
// ErrRejected is a CA that wants what TLS does not permit.
func (c *Client) Bind(ctx context.Context) (*Bound, error) {
	if b, ok := c.ca.(binder); ok {
		return b.bind(ctx)
	}
	return nil, nil
}

// CACertificates brings the certificates of the CA itself, in DER.
func (c *Client) CACertificates(ctx context.Context) ([][]byte, error) {
	all, err := c.ca.certificates(ctx)
	if err != nil {
		return nil, err
	}
	return rawOf(all), nil
}

// Presented returns the certificates that the CA's web server sends in the TLS
// handshake, its own first, whether they are to be trusted or not. Nothing else
// is sent to the server. Errors are *Error.
func (c *Client) Presented(ctx context.Context) ([]*x509.Certificate, error) {
	return c.transport.presented(ctx)
}

// Close ends the connections that wait for further use.
func (c *Client) Close() { c.transport.close() }
