package onlineca

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// call is one HTTP request.
type call struct {
	doing       string // for errors: "sending the request"
	method      string
	path        string // with its query
	contentType string
	header      http.Header
	body        []byte
	forced      bool // by the operator's check: no breaker holds it back

	// subject identifies the phone's request that the call is about; "" for a
	// call that would be the same for every phone.
	subject string
}

// reply is the answer to a call.
type reply struct {
	status int
	header http.Header
	body   []byte // at most Limits.Body of it
	short  error  // why the body is incomplete; nil when it is complete
	conn   net.Conn
	posted bool   // it answers a call that carried a request
	by     scheme // the login with which the call was made
	noNTLM bool   // the server answered NTLM without a challenge
}

// succeeded reports whether the server has done what it was asked to do.
func (r *reply) succeeded() bool { return r.status >= 200 && r.status < 300 }

// connection serves one call at a time. It opens a new TLS connection when the
// server has closed the old one.
type connection struct {
	transport *transport
	http      *http.Transport
	loggedIn  net.Conn // the TLS connection on which an NTLM login is in force
	bound     bool     // a request names the TLS connection: it may not be replaced
}

// idle is how long an unused connection is kept. It is shorter than a web
// server's own timeout (IIS: two minutes), so that a request is not sent
// into a connection that is just being closed.
const idle = 5 * time.Second

func (t *transport) newConnection() *connection {
	return &connection{transport: t, http: &http.Transport{
		DialTLSContext:         t.dialTLS,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxConnsPerHost:        1,
		IdleConnTimeout:        idle,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}}
}

// fresh makes the next call use a new TLS connection. A server may silently
// close one after any answer, and nobody can tell whether a request sent into a
// closing connection has arrived.
func (cn *connection) fresh() {
	if cn.bound {
		return
	}
	cn.http.CloseIdleConnections()
	cn.loggedIn = nil
}

// send makes one call. Redirects are not followed: http.Transport, unlike
// http.Client, returns them.
func (cn *connection) send(ctx context.Context, c call, authorization string) (*reply, error) {
	var conn net.Conn // set before RoundTrip returns, in this goroutine
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn },
	})
	request, err := http.NewRequestWithContext(ctx, c.method, cn.transport.config.base().String()+c.path, bytes.NewReader(c.body))
	if err != nil {
		return nil, cn.transport.broken(c, err, false)
	}
	for name, values := range c.header {
		request.Header[name] = values
	}
	// Web Enrollment sends certificates in another form to a client that it
	// does not take for a browser.
	request.Header.Set("User-Agent", "Mozilla/5.0 (compatible; capf)")
	request.Header.Set("Accept-Encoding", "identity")
	if c.contentType != "" {
		request.Header.Set("Content-Type", c.contentType)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := cn.http.RoundTrip(request)
	if err != nil {
		failure := cn.transport.broken(c, err, conn != nil && len(c.body) > 0)
		failure.arrived = conn != nil
		return nil, failure
	}
	defer response.Body.Close()
	r := &reply{status: response.StatusCode, header: response.Header, conn: conn, posted: len(c.body) > 0}
	r.body, r.short = cn.transport.read(response)
	return r, nil
}

var errTooLong = errors.New("the answer is too long")

// read reads an answer up to the limit, which holds before and after decoding.
// With an error, it returns what could be read.
func (t *transport) read(response *http.Response) ([]byte, error) {
	var body io.Reader = response.Body
	switch encoding := strings.ToLower(strings.TrimSpace(response.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip": // we did not ask for compression, but some proxies compress anyway
		unzipped, err := gzip.NewReader(io.LimitReader(body, t.config.Limits.Body))
		if err != nil {
			return nil, fmt.Errorf("decoding the answer: %w", err)
		}
		body = unzipped
	default:
		return nil, fmt.Errorf("the answer is encoded as %q", plain(encoding, 40))
	}
	text, err := io.ReadAll(io.LimitReader(body, t.config.Limits.Body+1))
	if int64(len(text)) > t.config.Limits.Body {
		return text[:t.config.Limits.Body], fmt.Errorf("%w: more than %d bytes", errTooLong, t.config.Limits.Body)
	}
	if err != nil {
		return text, fmt.Errorf("the answer was cut off: %w", err)
	}
	return text, nil
}
