package phone

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"capf/enroll/wire"
)

// authority is the certificate and key of a server, which sign LSCs too.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "CAPF-0123abcd"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// issue makes a certificate for the public key, DER of a SubjectPublicKeyInfo.
func (a *authority) issue(t testing.TB, name string, public []byte) []byte {
	t.Helper()
	key, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// peer is the server's end of one session. Its methods end the script when
// something else happens than it says.
type peer struct {
	t    testing.TB
	ca   *authority
	conn net.Conn
	id   uint32
}

// quit fails the test and ends the script, not the test's own goroutine.
func (p *peer) quit(format string, args ...any) {
	p.t.Helper()
	p.t.Errorf("server: "+format, args...)
	runtime.Goexit()
}

func (p *peer) sendBytes(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.quit("sending: %v", err)
	}
}

func (p *peer) send(m message) {
	p.t.Helper()
	b, err := m.Frame(p.id).Marshal()
	if err != nil {
		p.quit("%v", err)
	}
	p.sendBytes(b)
}

func (p *peer) receive(want wire.Command) wire.Frame {
	p.t.Helper()
	f, err := wire.Read(p.conn)
	if err != nil {
		p.quit("waiting for %v: %v", want, err)
	}
	if f.Command != want || f.Session != p.id {
		p.quit("%v in session %d, want %v in %d", f.Command, f.Session, want, p.id)
	}
	return f
}

// gone waits until the phone has closed the connection.
func (p *peer) gone() {
	p.t.Helper()
	if f, err := wire.Read(p.conn); err == nil {
		p.quit("%v where the phone should be gone", f.Command)
	}
}

func (p *peer) auth() wire.AuthResponse {
	p.t.Helper()
	p.send(wire.AuthRequest{Version: 3, HasAuthType: true})
	m, err := wire.ParseAuthResponse(p.receive(wire.CmdAuthResponse))
	if err != nil {
		p.quit("%v", err)
	}
	return m
}

func (p *peer) key(m wire.KeyGenerateRequest) []byte {
	p.t.Helper()
	p.send(m)
	answer, err := wire.ParseKeyGenerateResponse(p.receive(wire.CmdKeyGenerateResponse))
	if err != nil {
		p.quit("%v", err)
	}
	return answer.PublicKey
}

func (p *peer) sendLSC(der []byte) {
	p.t.Helper()
	p.send(wire.StoreRequest{Type: wire.TypeLSC, Certificate: wire.Certificate{Type: wire.TypeLSC, DER: der}})
}

func (p *peer) end(r wire.Reason) {
	p.t.Helper()
	p.send(wire.EndSession{Reason: r})
	p.gone()
}

// enroll is the whole of an Install/Upgrade.
func (p *peer) enroll() {
	p.t.Helper()
	name := p.auth().Device
	p.sendLSC(p.ca.issue(p.t, name, p.key(wire.KeyGenerateRequest{Type: wire.EC, Curve: wire.P256})))
	p.receive(wire.CmdStoreCertificateResponse)
	p.end(wire.ReasonSuccess)
}

// server runs a script for each connection it gets, one after the other. The
// test waits for them to end. A connection without a script fails the test.
type server struct {
	*authority
	addr string
}

func serve(t testing.TB, scripts ...func(*peer)) server {
	t.Helper()
	ca := newAuthority(t)
	return server{ca, serveAt(t, "127.0.0.1:0", ca, scripts...)}
}

func serveAt(t testing.TB, addr string, ca *authority, scripts ...func(*peer)) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key}}}
	return accept(t, addr, func(n int, raw net.Conn) {
		if n >= len(scripts) {
			t.Errorf("server: connection %d, want %d", n+1, len(scripts))
			return
		}
		conn := tls.Server(raw, config)
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		scripts[n](&peer{t, ca, conn, 0xfeed0000 + uint32(n)})
	})
}

// accept calls handle for each connection and closes it after.
func accept(t testing.TB, addr string, handle func(n int, conn net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				handle(n, conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// deadAddress is one on which nothing listens as long as the test runs: the
// port is that of a connection's client end.
func deadAddress(t testing.TB, host string) string {
	t.Helper()
	held := make(chan struct{})
	addr := accept(t, net.JoinHostPort(host, "0"), func(int, net.Conn) { <-held })
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(held)
		conn.Close()
	})
	return conn.LocalAddr().String()
}

// naps records what the phone would sleep.
type naps []time.Duration

func (n *naps) sleep(_ context.Context, d time.Duration) error {
	*n = append(*n, d)
	return nil
}

// config is that of a phone which makes one attempt.
func config(servers ...string) Config {
	return Config{Device: "SEP001122334455", Servers: servers, Attempts: 1, Timeout: time.Minute}
}
