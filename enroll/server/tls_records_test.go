package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/wire"
	"capf/internal/tls10/recordtest"
	"capf/store"
)

// TestOneRecord: header and body of a frame come in one TLS record, since a
// phone's client stalls on two, with old suites of TLS 1.0 too. An empty body is no
// reason to split either. TLS 1.3 does not show which records hold data.
func TestOneRecord(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.set("tls_min_version", "1.0")
	h.stop()
	h.start()
	old := func(suite uint16) *tls.Config {
		return &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{suite}}
	}
	for name, config := range map[string]*tls.Config{
		"TLS-1.2": {MaxVersion: tls.VersionTLS12},
		"TLS-1.1": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"RSA-128": old(tls.TLS_RSA_WITH_AES_128_CBC_SHA),
		"RSA-256": old(tls.TLS_RSA_WITH_AES_256_CBC_SHA),
		"EC-128":  old(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
		"EC-256":  old(tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h.add(name, store.Install)
			tcp, err := net.Dial("tcp", h.address)
			if err != nil {
				t.Fatal(err)
			}
			defer tcp.Close()
			counter := &recordtest.Counter{Conn: tcp}
			config.InsecureSkipVerify = true
			c := &conversation{t, tls.Client(counter, config), 0}
			c.SetDeadline(time.Now().Add(time.Minute))
			c.install(name, func(frames int, f wire.Frame) {
				if counter.Data != frames {
					t.Errorf("%d frames came in %d records, up to %v", frames, counter.Data, f.Command)
				}
			})
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after END_SESSION: %v, not the close_notify", err)
			}
		})
	}
}

// install answers as a phone that gets its LSC, until the session ends. It tells of each
// frame that comes, and which number it has.
func (c *conversation) install(device string, came func(n int, f wire.Frame)) {
	c.Helper()
	for n := 1; ; n++ {
		f := c.read()
		came(n, f)
		c.id = f.Session
		switch f.Command {
		case wire.CmdAuthRequest:
			c.hello(device)
		case wire.CmdKeyGenerateRequest:
			c.write(wire.KeyGenerateResponse{PublicKey: publicOf(c, device, crypto.RSA2048)}.Frame(c.id))
		case wire.CmdStoreCertificateRequest:
			c.write(wire.StoreResponse{Reason: wire.ReasonSuccess}.Frame(c.id))
		case wire.CmdEndSession:
			return
		}
	}
}

// public is the public part of the key of sep.
func public(t testing.TB, kind crypto.KeyKind) []byte { return publicOf(t, sep, kind) }

func publicOf(t testing.TB, device string, kind crypto.KeyKind) []byte {
	t.Helper()
	key, err := keyOf(device)(kind)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return spki
}

// TestSplitAndJoined sends each byte of a phone in a record of its own, then
// several frames in one: neither changes how the session goes.
func TestSplitAndJoined(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, send := range map[string]func(io.Writer, []byte){
		"split": func(w io.Writer, b []byte) {
			for i := range b {
				w.Write(b[i : i+1])
			}
		},
		"joined": func(w io.Writer, b []byte) { w.Write(b) },
	} {
		h.add(name, store.Install)
		c := h.dial()
		say := func(frames ...wire.Frame) {
			var all []byte
			for _, f := range frames {
				b, err := f.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b...)
			}
			send(c, all)
		}
		hear := func(want wire.Command) {
			if f := c.read(); f.Command != want {
				t.Fatalf("%s: the server sent %v, not %v", name, f.Command, want)
			}
		}
		busy := wire.RequestInProgress{}.Frame(c.id)
		say(wire.AuthResponse{Version: 3, Device: name, Reason: wire.ReasonSuccess}.Frame(c.id))
		hear(wire.CmdKeyGenerateRequest)
		say(busy, busy, wire.KeyGenerateResponse{PublicKey: publicOf(t, name, crypto.RSA2048)}.Frame(c.id))
		hear(wire.CmdStoreCertificateRequest)
		say(busy, wire.StoreResponse{Reason: wire.ReasonSuccess}.Frame(c.id))
		c.end(wire.ReasonSuccess)
		if d := h.device(name); d.Operation != store.NoOperation {
			t.Errorf("%s: the operation is %s", name, d.Operation)
		}
	}
}
