package tvs

import (
	"context"
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
	"capf/internal/phonetls"
	"capf/internal/turns"
)

// maxQuestions is how many questions a phone may ask on one connection.
const maxQuestions = 100

// connection is one phone that asks.
type connection struct {
	*Listener
	tcp     *net.TCPConn
	tls     *phonetls.Conn // over tcp
	from    netip.Addr
	network netip.Prefix
	waiting bool // for a question; the mutex of places guards it
	gone    chan struct{}
	cutOnce sync.Once
}

func newConnection(l *Listener, tcp *net.TCPConn, from netip.Addr) *connection {
	return &connection{Listener: l, tcp: tcp, from: from, network: enroll.PhoneNetwork(from), gone: make(chan struct{})}
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
	ends := time.Now().Add(c.Wait)
	c.tcp.SetDeadline(ends)
	c.tls = phonetls.Server(c.tcp, c.config, phonetls.Turn{Network: c.network, Gone: c.gone, Ends: ends})
	if err := c.tls.Handshake(); err != nil {
		c.Meter.TVSAnswered(noTLS)
		c.tell(trustlist.TVSQuestion{}, "no TLS connection", err.Error(), hintOf(err))
		return
	}
	for range maxQuestions {
		if !c.places.waits(c, time.Now().Add(c.Wait)) {
			break
		}
		frame, err := trustlist.ReadTVSFrame(c.tls)
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
	c.tls.Close()
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
	a, err := c.decide(q)
	if errors.Is(err, turns.ErrNoTurn) {
		c.Meter.TVSAnswered(noPlace)
		return false
	}
	var back []byte
	if err == nil {
		back, err = a.Marshal()
	}
	if err != nil {
		c.Meter.TVSAnswered(failed)
		c.tell(q, "not answered", err.Error(), "")
		return false
	}
	c.count(q, a)
	c.tcp.SetWriteDeadline(time.Now().Add(c.Wait))
	_, err = c.tls.Write(back)
	return err == nil
}

// decide finds the answer when it is the turn of the network: without turns, a thousand
// connections on which questions never end would leave phones that enroll no processor.
func (c *connection) decide(q trustlist.TVSQuestion) (a trustlist.TVSAnswer, err error) {
	if err := c.answering.Acquire(c.network, c.gone, time.Now().Add(c.Wait)); err != nil {
		return a, err
	}
	defer c.answering.Release()
	ctx, cancel := context.WithTimeout(context.Background(), c.Wait)
	defer cancel()
	return Voucher{c.Store, c.Now}.Answer(ctx, q)
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
