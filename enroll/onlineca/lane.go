package onlineca

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"github.com/Azure/go-ntlmssp"
)

// call is one request for a page, and reply its answer.
type call struct {
	doing       string // for errors: "sending the request"
	method      string
	path        string // with its query
	contentType string
	header      http.Header
	body        []byte
	forced      bool // by the operator's check: no breaker holds it back
}

type reply struct {
	status int
	header http.Header
	body   []byte // what came of it, at most Limits.Body
	short  error  // why body is not the whole; nil when it is
	conn   net.Conn
	posted bool // it answers a call that carried a request
}

// lane is one connection, used by one call at a time. Its transport makes a
// new one when the server has closed the old.
type lane struct {
	link      *link
	transport *http.Transport
	loggedIn  net.Conn // the connection on which an NTLM login holds
}

// idle is how long an unused connection is kept. It is shorter than a web
// server's own time (IIS: two minutes), so that a request is not sent into a
// connection that is just being closed.
const idle = 5 * time.Second

func (l *link) newLane() *lane {
	return &lane{link: l, transport: &http.Transport{
		DialTLSContext:         l.dialTLS,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxConnsPerHost:        1,
		IdleConnTimeout:        idle,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}}
}

// scheme is a way to log in.
type scheme string

const (
	anonymous scheme = ""
	basic     scheme = "basic"
	ntlm      scheme = "ntlm"
	negotiate scheme = "negotiate"
)

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
// 401 is safe: the server turned it away before anything read it.
func (n *lane) exchange(ctx context.Context, c call) (*reply, error) {
	var tried []scheme
	current := n.link.scheme()
	for {
		r, err := n.attempt(ctx, c, current)
		if err != nil {
			return nil, err
		}
		if r.status != http.StatusUnauthorized || n.link.Username == "" {
			if r.status != http.StatusUnauthorized {
				n.link.learn(current, c)
			}
			return r, nil
		}
		tried = append(tried, current)
		current = nextScheme(offers(r.header), tried)
		if current == anonymous {
			return r, nil
		}
	}
}

// nextScheme is what to try after a 401. NTLM comes first, since it does not
// show the password to the server; Negotiate with an NTLM token is the same
// under another name.
func nextScheme(offered, tried []scheme) scheme {
	for _, s := range []scheme{ntlm, negotiate, basic} {
		twin := s == negotiate && slices.Contains(tried, ntlm)
		if slices.Contains(offered, s) && !slices.Contains(tried, s) && !twin {
			return s
		}
	}
	return anonymous
}

func (n *lane) attempt(ctx context.Context, c call, s scheme) (*reply, error) {
	switch s {
	case basic:
		return n.send(ctx, c, n.link.basic())
	case ntlm, negotiate:
		return n.login(ctx, c, s)
	}
	return n.send(ctx, c, "")
}

// login makes a call by NTLM, unless the connection is logged in already.
func (n *lane) login(ctx context.Context, c call, s scheme) (*reply, error) {
	if n.loggedIn != nil {
		r, err := n.send(ctx, c, "")
		if err != nil || r.status != http.StatusUnauthorized {
			return r, err
		}
		n.loggedIn = nil
	}
	r, moved, err := n.handshake(ctx, c, s)
	if err == nil && moved && r.status == http.StatusUnauthorized {
		r, _, err = n.handshake(ctx, c, s)
	}
	return r, err
}

// handshake is an empty request that asks for the challenge, then the call with
// the answer to it. It works on one connection only; moved says that there were
// two, since the first went away.
func (n *lane) handshake(ctx context.Context, c call, s scheme) (r *reply, moved bool, err error) {
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
	if challenge == nil {
		return r, false, nil
	}
	answer, err := n.answer(challenge, r.conn)
	if err != nil {
		return nil, false, n.link.broken(c, err, false)
	}
	asked := r.conn
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

// send is one request and its answer. Redirects are not followed: Transport,
// unlike Client, hands them to us.
func (n *lane) send(ctx context.Context, c call, authorization string) (*reply, error) {
	var conn net.Conn // set before RoundTrip returns, in this goroutine
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn },
	})
	request, err := http.NewRequestWithContext(ctx, c.method, n.link.base().String()+c.path, bytes.NewReader(c.body))
	if err != nil {
		return nil, n.link.broken(c, err, false)
	}
	for name, values := range c.header {
		request.Header[name] = values
	}
	// Web Enrollment sends certificates in another form to what it does not
	// take for a browser.
	request.Header.Set("User-Agent", "Mozilla/5.0 (compatible; capf)")
	request.Header.Set("Accept-Encoding", "identity")
	if c.contentType != "" {
		request.Header.Set("Content-Type", c.contentType)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := n.transport.RoundTrip(request)
	if err != nil {
		return nil, n.link.broken(c, err, conn != nil && len(c.body) > 0)
	}
	defer response.Body.Close()
	r := &reply{status: response.StatusCode, header: response.Header, conn: conn, posted: len(c.body) > 0}
	r.body, r.short = n.link.read(response)
	return r, nil
}

var errTooLong = errors.New("the answer is too long")

// read reads an answer up to the limit, before and after decoding. What could
// be read is returned with an error too.
func (l *link) read(response *http.Response) ([]byte, error) {
	var body io.Reader = response.Body
	switch encoding := strings.ToLower(strings.TrimSpace(response.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip": // not asked for, but some proxies do it all the same
		unzipped, err := gzip.NewReader(io.LimitReader(body, l.Limits.Body))
		if err != nil {
			return nil, fmt.Errorf("decoding the answer: %w", err)
		}
		body = unzipped
	default:
		return nil, fmt.Errorf("the answer is encoded as %q", plain(encoding, 40))
	}
	text, err := io.ReadAll(io.LimitReader(body, l.Limits.Body+1))
	if int64(len(text)) > l.Limits.Body {
		return text[:l.Limits.Body], fmt.Errorf("%w: more than %d bytes", errTooLong, l.Limits.Body)
	}
	if err != nil {
		return text, fmt.Errorf("the answer was cut off: %w", err)
	}
	return text, nil
}
