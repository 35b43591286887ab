package segment_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capf/internal/segment"
)

// counting counts the writes that reach the wire.
type counting struct {
	net.Conn
	writes atomic.Int32
}

func (c *counting) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// pair are the two ends of a TCP connection.
func pair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{server, client} {
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(5 * time.Minute))
	}
	return server, client
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestWrites counts what reaches the wire of a TLS server: one write a flight of the
// handshake, one a frame, however many records it is, and one for the close_notify.
func TestWrites(t *testing.T) {
	t.Parallel()
	certificate := certificate(t)
	for _, test := range []struct {
		name    string
		client  *tls.Config
		flights int32
	}{
		{"TLS 1.0, CBC", &tls.Config{MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, 2},
		{"TLS 1.1", &tls.Config{MaxVersion: tls.VersionTLS11}, 2},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, 2},
		{"TLS 1.3", &tls.Config{}, 1},
		{"TLS 1.3 with another hello", &tls.Config{}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server, client := pair(t)
			counter := &counting{Conn: server}
			whole := segment.New(counter)
			config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10, SessionTicketsDisabled: true,
				CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}}
			if strings.Contains(test.name, "another") {
				config.CurvePreferences = []tls.CurveID{tls.CurveP521} // for which the client has sent no share
			}
			test.client.InsecureSkipVerify, test.client.MinVersion = true, tls.VersionTLS10
			heard := make(chan []byte, 1)
			go func() {
				b, _ := io.ReadAll(tls.Client(client, test.client))
				heard <- b
			}()
			conn := tls.Server(whole, config)
			if err := whole.Handshake(conn.Handshake); err != nil {
				t.Fatal(err)
			}
			if n := counter.writes.Load(); n != test.flights {
				t.Errorf("the handshake took %d writes, not %d", n, test.flights)
			}
			var said []byte
			for _, length := range []int{1, 2, 500, 3000, 16 << 10, 50_000} {
				before, frame := counter.writes.Load(), bytes.Repeat([]byte{byte(length)}, length)
				err := whole.Frame(func() error { _, err := conn.Write(frame); return err })
				if n := counter.writes.Load() - before; n != 1 || err != nil {
					t.Errorf("a frame of %d bytes took %d writes: %v", length, n, err)
				}
				said = append(said, frame...)
			}
			before := counter.writes.Load()
			conn.Close()
			if n := counter.writes.Load() - before; n != 1 {
				t.Errorf("the close_notify took %d writes", n)
			}
			if !bytes.Equal(<-heard, said) {
				t.Error("the client heard something else")
			}
		})
	}
}

// TestAlert: the alert of a handshake that fails reaches the client.
func TestAlert(t *testing.T) {
	t.Parallel()
	server, client := pair(t)
	heard := make(chan error, 1)
	go func() {
		heard <- tls.Client(client, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
	}()
	whole := segment.New(server)
	conn := tls.Server(whole, &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	if err := whole.Handshake(conn.Handshake); err == nil {
		t.Error("the server agreed")
	}
	if err := <-heard; err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("the client heard %v", err)
	}
}

// TestOnlyTheFrameIsHeld: what is written before and after a frame leaves at once.
func TestOnlyTheFrameIsHeld(t *testing.T) {
	t.Parallel()
	server, client := pair(t)
	counter := &counting{Conn: server}
	whole := segment.New(counter)
	whole.Write([]byte("a"))
	err := whole.Frame(func() error {
		whole.Write([]byte("b"))
		whole.Write([]byte("c"))
		if n := counter.writes.Load(); n != 1 {
			t.Errorf("%d writes before the frame is whole", n)
		}
		return nil
	})
	whole.Write([]byte("d"))
	whole.Close()
	if heard, _ := io.ReadAll(client); string(heard) != "abcd" || counter.writes.Load() != 3 || err != nil {
		t.Errorf("heard %q in %d writes: %v", heard, counter.writes.Load(), err)
	}
}

// TestPanicInside: what a panic leaves is sent, and nothing is held any more.
func TestPanicInside(t *testing.T) {
	t.Parallel()
	server, client := pair(t)
	whole := segment.New(server)
	func() {
		defer func() { _ = recover() }()
		_ = whole.Frame(func() error { whole.Write([]byte("a")); panic("a bug") })
	}()
	whole.Write([]byte("b"))
	whole.Close()
	if heard, _ := io.ReadAll(client); string(heard) != "ab" {
		t.Errorf("heard %q", heard)
	}
}

// TestDeadline: a client that does not read costs the frame its deadline, and each
// later write fails alike, for a record may have been cut.
func TestDeadline(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	defer client.Close()
	whole := segment.New(server)
	write := func() error { _, err := whole.Write([]byte("a frame")); return err }
	server.SetWriteDeadline(time.Unix(1, 0))
	if err := whole.Frame(write); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the frame: %v", err)
	}
	server.SetWriteDeadline(time.Time{})
	if err := whole.Frame(write); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the next frame: %v", err)
	}
	if err := write(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an alert after it: %v", err)
	}
}

// TestOwnError: the error of what writes a frame comes before that of sending it.
func TestOwnError(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	client.Close()
	whole := segment.New(server)
	mine := errors.New("mine")
	if err := whole.Frame(func() error { whole.Write([]byte("a")); return mine }); err != mine {
		t.Error(err)
	}
	if err := whole.Frame(func() error { return nil }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the next frame: %v", err)
	}
}
