package tls10_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"capf/internal/segment"
	"capf/internal/tls10"
	"capf/internal/tls10/recordtest"
)

var suites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}

// server is a TLS server that joins its records where it can.
type server struct {
	*tls.Conn
	whole *segment.Conn
	joins bool
	watch tls10.Handshake
}

// flights shows the watch what the server sends in the handshake.
type flights struct {
	*segment.Conn
	watch *tls10.Handshake
}

func (f flights) Write(b []byte) (int, error) {
	f.watch.Sent(b)
	return f.Conn.Write(b)
}

// serve makes a server of the next connection.
func serve(t *testing.T, l net.Listener, tamper func(*tls10.Handshake)) *server {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{whole: segment.New(conn)}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS10,
		CipherSuites: append([]uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}, suites...), SessionTicketsDisabled: true}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if !tls10.Only(hello) {
			return nil, nil
		}
		return s.watch.Watched(config), nil
	}
	s.Conn = tls.Server(flights{s.whole, &s.watch}, config)
	if err := s.whole.Handshake(s.Handshake); err != nil {
		t.Fatal(err)
	}
	if tamper != nil {
		tamper(&s.watch)
	}
	if j := s.watch.Joiner(); j != nil {
		s.whole.Rewrite(j.Join)
		s.joins = true
	}
	return s
}

func (s *server) frame(t *testing.T, b []byte) {
	t.Helper()
	if err := s.whole.Frame(func() error { _, err := s.Write(b); return err }); err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestEveryLength: frames of any length reach a client of crypto/tls, each in as few
// records as hold it, and the close_notify after them. What it sends is read as ever.
func TestEveryLength(t *testing.T) {
	t.Parallel()
	for _, suite := range suites {
		t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			seen := &recordtest.Counter{Conn: conn}
			client := tls.Client(seen, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{suite}})
			heard := make(chan []byte, 1)
			go func() {
				io.WriteString(client, "hello")
				b, err := io.ReadAll(client)
				if err != nil {
					t.Error(err)
				}
				heard <- b
			}()
			s := serve(t, l, nil)
			if !s.joins {
				t.Error("its records are not joined")
			}
			greeting := make([]byte, 5)
			if _, err := io.ReadFull(s, greeting); string(greeting) != "hello" || err != nil {
				t.Errorf("the server read %q: %v", greeting, err)
			}
			var said []byte
			wanted := 0
			for n := 1; n < 100; n++ {
				said, wanted = append(said, bytes.Repeat([]byte{byte(n)}, n)...), wanted+1
				s.frame(t, said[len(said)-n:])
			}
			for _, n := range []int{16 << 10, 16<<10 + 1, 50_000} {
				said, wanted = append(said, bytes.Repeat([]byte{byte(n)}, n)...), wanted+(n+16<<10-1)/(16<<10)
				s.frame(t, said[len(said)-n:])
			}
			s.Close()
			if !bytes.Equal(<-heard, said) {
				t.Error("the client heard something else")
			}
			if seen.Data != wanted {
				t.Errorf("%d records for %d", seen.Data, wanted)
			}
		})
	}
}

// TestOpenSSL: openssl counts the records, and reads them.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			cmd := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", l.Addr().String(), "-tls1", "-cipher", suite+"@SECLEVEL=0", "-quiet", "-msg")
			stdin, err := cmd.StdinPipe() // open, so that it does not quit
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s := serve(t, l, nil)
			const frames = 5
			for i := range frames {
				s.frame(t, fmt.Appendf(nil, "frame %d of the server\n", i))
			}
			s.Close()
			_ = cmd.Wait() // its exit code is that of the verification
			text := out.String()
			if n := strings.Count(text, "17 03 01"); n != frames || !strings.Contains(text, "frame 4 of the server\n") {
				t.Errorf("%d records of data for %d frames:\n%s", n, frames, text)
			}
		})
	}
}

// TestLeftAlone: other versions and suites are not touched, nor a connection whose keys
// are not as expected.
func TestLeftAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		client *tls.Config
		tamper func(*tls10.Handshake)
	}{
		"TLS 1.1":    {&tls.Config{MaxVersion: tls.VersionTLS11}, nil},
		"TLS 1.2":    {&tls.Config{MaxVersion: tls.VersionTLS12}, nil},
		"TLS 1.3":    {&tls.Config{}, nil},
		"3DES":       {&tls.Config{MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, nil},
		"other keys": {&tls.Config{MaxVersion: tls.VersionTLS10}, func(h *tls10.Handshake) { h.Sent([]byte{22, 3, 1, 0, 48, 47: 1, 52: 1}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			heard := make(chan string, 1)
			test.client.InsecureSkipVerify, test.client.MinVersion = true, tls.VersionTLS10
			go func() {
				client, err := tls.Dial("tcp", l.Addr().String(), test.client)
				if err != nil {
					t.Error(err)
					heard <- ""
					return
				}
				b, _ := io.ReadAll(client)
				heard <- string(b)
			}()
			s := serve(t, l, test.tamper)
			if s.joins {
				t.Error("its records are joined")
			}
			s.frame(t, []byte("a frame"))
			s.Close()
			if text := <-heard; text != "a frame" {
				t.Errorf("the client heard %q", text)
			}
		})
	}
}
