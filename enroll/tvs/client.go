package tvs

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"capf/crypto"
	"capf/enroll/trustlist"
	"capf/internal/segment"
)

// ErrUntrusted says that a server showed a certificate that is none of those which were
// given: no TVS record of the phone's list has it.
var ErrUntrusted = errors.New("its certificate is none of those that the list names as TVS")

// Server is a TVS server, as a phone knows it.
type Server struct {
	Address string // HOST:PORT
	// Trusted are the certificates of the TVS records of the phone's list, one of which
	// the server must show. Its name and its dates do not matter, as to a phone.
	Trusted []*x509.Certificate
	// Anyone takes every server; Answer says which it was.
	Anyone bool
	// Identity is the LSC or MIC with which the phone shows itself to a server that
	// asks; nil for none.
	Identity *tls.Certificate
	Timeout  time.Duration // for all of it; 0 is 10 s
}

// Answer is what a server has answered.
type Answer struct {
	trustlist.TVSAnswer
	Server *x509.Certificate // that it has shown
}

// Ask asks a TVS server. The session of the question is chosen here. The error is
// ErrUntrusted, with the Server in the answer, when the server is another one, and wraps
// trustlist.ErrMalformed when it answers something else.
func Ask(ctx context.Context, s Server, q trustlist.TVSQuestion) (a Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, 10*time.Second))
	defer cancel()
	var session [4]byte
	if _, err := io.ReadFull(rand.Reader, session[:]); err != nil {
		return a, err
	}
	q.Session = binary.BigEndian.Uint32(session[:])
	frame, err := q.Marshal()
	if err != nil {
		return a, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return a, fmt.Errorf("connecting to TVS at %s: %w", s.Address, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	whole := segment.New(conn)
	secure := tls.Client(whole, s.config(&a))
	if err := whole.Handshake(func() error { return secure.HandshakeContext(ctx) }); err != nil {
		return a, fmt.Errorf("TLS with TVS at %s: %w", s.Address, stopped(ctx, err))
	}
	answer, err := exchange(whole, secure, frame)
	if err == nil && (answer.Session != q.Session || answer.Query != q.Query) {
		err = fmt.Errorf("it is the answer to another question: %w", trustlist.ErrMalformed)
	}
	if err != nil {
		return a, fmt.Errorf("the answer of TVS at %s: %w", s.Address, stopped(ctx, err))
	}
	a.TVSAnswer = answer
	return a, nil
}

func exchange(whole *segment.Conn, secure *tls.Conn, frame []byte) (a trustlist.TVSAnswer, err error) {
	err = whole.Frame(func() error {
		_, err := secure.Write(frame)
		return err
	})
	if err != nil {
		return a, err
	}
	back, err := trustlist.ReadTVSFrame(secure)
	if errors.Is(err, io.EOF) {
		return a, errors.New("there is none: the server has closed the connection")
	}
	if err != nil {
		return a, err
	}
	return trustlist.ParseTVSAnswer(back)
}

// stopped names the reason why a connection was closed here.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// config is TLS as phones speak it. Old servers know no later version than 1.0.
func (s Server) config(a *Answer) *tls.Config {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS10,
		CipherSuites:       crypto.PhoneSuites(),
		InsecureSkipVerify: true, // the certificate itself is compared, by VerifyConnection
		VerifyConnection: func(state tls.ConnectionState) error {
			a.Server = state.PeerCertificates[0]
			if s.trusts(a.Server) {
				return nil
			}
			return ErrUntrusted
		},
	}
	if s.Identity != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.Identity, nil }
	}
	return c
}

func (s Server) trusts(shown *x509.Certificate) bool {
	if s.Anyone {
		return true
	}
	for _, c := range s.Trusted {
		if c.Equal(shown) {
			return true
		}
	}
	return false
}
