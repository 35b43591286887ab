package tvs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/trustlist"
	"capf/internal/segment"
	"capf/internal/tls10"
)

// maxQuestions is how many questions a phone may ask on one connection.
const maxQuestions = 100

// maxHelloBytes bounds what a phone may send until the handshake is over. It needs a
// few hundred bytes; Go would keep 64 KiB.
const maxHelloBytes = 8 << 10

var errLongHello = errors.New("the handshake is too long")

// connection is one phone that asks.
type connection struct {
	*Listener
	tcp           *net.TCPConn
	whole         *segment.Conn
	secure        *tls.Conn
	old           *tls10.Handshake // of a phone that speaks TLS 1.0 alone, until the handshake is over
	from          netip.Addr
	network       netip.Prefix
	handshakeEnds time.Time
	helloBytes    int
	handshaken    bool
	waiting       bool // for a question; the mutex of places guards it
	gone          chan struct{}
	cutOnce       sync.Once
}

func newConnection(l *Listener, tcp *net.TCPConn, from netip.Addr) *connection {
	return &connection{Listener: l, tcp: tcp, whole: segment.New(tcp), from: from, network: enroll.PhoneNetwork(from),
		handshakeEnds: time.Now().Add(l.Wait), gone: make(chan struct{})}
}

// cut closes the connection from outside.
func (c *connection) cut() {
	c.cutOnce.Do(func() {
		c.tcp.Close()
		close(c.gone)
	})
}

// run answers question by question, until the phone has no more.
func (c *connection) run() {
	c.tcp.SetDeadline(c.handshakeEnds)
	c.secure = tls.Server(helloReader{c.whole, c}, c.tls)
	if err := c.whole.Handshake(c.secure.Handshake); err != nil {
		c.Meter.TVSAnswered(noTLS)
		c.tell(trustlist.TVSQuestion{}, "no TLS connection", err.Error(), hintOf(err))
		return
	}
	if c.old != nil {
		if joiner := c.old.Joiner(); joiner != nil {
			c.whole.Rewrite(joiner.Join)
		}
		c.old = nil
	}
	c.handshaken = true
	for range maxQuestions {
		if !c.places.waits(c, time.Now().Add(c.Wait)) {
			break
		}
		frame, err := trustlist.ReadTVSFrame(c.secure)
		c.places.asked(c)
		if err != nil {
			c.unread(err)
			break
		}
		if !c.answer(frame) {
			break
		}
	}
	c.tcp.SetWriteDeadline(time.Now().Add(c.Wait))
	c.secure.Close()
}

// unread reports a question that has not come whole. A phone that closes the connection,
// or asks nothing more, has ended it.
func (c *connection) unread(err error) {
	if errors.Is(err, trustlist.ErrMalformed) {
		c.Meter.TVSAnswered(malformed)
		c.tell(trustlist.TVSQuestion{}, "not answered", err.Error(), "")
	}
}

// answer answers one question. A question that cannot be read ends the connection: there
// is no answer that says so.
func (c *connection) answer(frame []byte) bool {
	q, err := trustlist.ParseTVSQuestion(frame)
	if err != nil {
		c.unread(err)
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Wait)
	defer cancel()
	a, err := Voucher{c.Store, c.Now}.Answer(ctx, q)
	var back []byte
	if err == nil {
		back, err = a.Marshal()
	}
	if err != nil {
		c.Meter.TVSAnswered(failed)
		c.tell(q, "not answered", err.Error(), "")
		return false
	}
	c.tcp.SetWriteDeadline(time.Now().Add(c.Wait))
	err = c.whole.Frame(func() error {
		_, err := c.secure.Write(back)
		return err
	})
	c.count(q, a)
	return err == nil
}

// count counts an answer; that something is not valid is also logged, since the phone
// will refuse it.
func (c *connection) count(q trustlist.TVSQuestion, a trustlist.TVSAnswer) {
	if a.Valid {
		c.Meter.TVSAnswered(valid)
		c.Log.Debug("tvs", "address", c.from.String(), "device", q.Device, "outcome", valid, "certificate", asked(q), "roles", fmt.Sprint(a.Roles), "keep", a.Keep)
		return
	}
	c.Meter.TVSAnswered(invalid)
	c.tell(q, invalid, "neither the lists nor phone-sast-trust nor tvs-trust has "+asked(q)+", or it has ended", "")
}

// tell logs what was not answered as the phone would have liked.
func (c *connection) tell(q trustlist.TVSQuestion, outcome, reason, hint string) {
	words := []any{"address", c.from.String()}
	if q.Device != "" {
		words = append(words, "device", q.Device)
	}
	words = append(words, "outcome", outcome, "reason", reason)
	if hint != "" {
		words = append(words, "hint", hint)
	}
	c.log.warn("tvs", words...)
}

// mostShown is how much of a name that a stranger chose the log shows.
const mostShown = 200

// asked says which certificate a question is about.
func asked(q trustlist.TVSQuestion) string {
	if len(q.Certificate) == 0 {
		return shown("the certificate %q of %q", fmt.Sprintf("%x", q.Serial), q.Issuer)
	}
	print := fmt.Sprintf("%x", crypto.RawFingerprint(q.Certificate))
	c, err := x509.ParseCertificate(q.Certificate)
	if err != nil {
		return "what is no certificate (SHA-256 " + print + ")"
	}
	return shown("%q", crypto.DisplayName(c)) + " (SHA-256 " + print + ")"
}

func shown(format string, names ...string) string {
	var args []any
	for _, name := range names {
		args = append(args, name[:min(len(name), mostShown)])
	}
	return fmt.Sprintf(format, args...)
}

// hintOf is what helps against a failed handshake, "" where that is not known.
func hintOf(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "unsupported versions"), strings.Contains(text, "protocol version not supported"):
		return "the phone needs a lower tls_min_version"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF):
		return ""
	case strings.HasPrefix(text, "remote error: tls: ") && (strings.Contains(text, "certificate")):
		return "the list of the phone does not name this certificate of TVS: it needs a newer list"
	}
	return ""
}

// helloReader is the connection below TLS. It links a handshake to its connection, and
// bounds how much the phone may send until it is over.
type helloReader struct {
	*segment.Conn
	connection *connection
}

// Write shows the flights of the handshake to who has to know them.
func (r helloReader) Write(b []byte) (int, error) {
	if old := r.connection.old; old != nil {
		old.Sent(b)
	}
	return r.Conn.Write(b)
}

func (r helloReader) Read(b []byte) (int, error) {
	c := r.connection
	if c.handshaken {
		return r.Conn.Read(b)
	}
	if c.helloBytes >= maxHelloBytes {
		return 0, errLongHello
	}
	n, err := r.Conn.Read(b[:min(len(b), maxHelloBytes-c.helloBytes)])
	c.helloBytes += n
	return n, err
}
