package server_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

// raw is a frame made by hand.
func raw(command byte, id uint32, body ...byte) []byte {
	b := []byte{wire.ProtocolID, command}
	b = binary.BigEndian.AppendUint32(b, id)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}

// TestMalformed sends each kind of malformed frame in place of the
// authentication, then of the key: the session ends, and the device is as it was.
func TestMalformed(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	before := h.device(sep)
	hello := func(id uint32) []byte {
		b, err := wire.AuthResponse{Version: 3, Device: sep, Reason: wire.ReasonSuccess}.Frame(id).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, frame := range map[string]func(id uint32) []byte{
		"foreign protocol":   func(id uint32) []byte { b := hello(id); b[0] = 0x54; return b },
		"foreign session":    func(id uint32) []byte { return hello(id + 1) },
		"unknown command":    func(id uint32) []byte { return raw(77, id) },
		"command of ours":    func(id uint32) []byte { return raw(byte(wire.CmdEndSession), id, 1, 0, 1, 1) },
		"out of turn":        func(id uint32) []byte { return raw(byte(wire.CmdStoreCertificateResponse), id, 1, 0, 1, 1) },
		"truncated element":  func(id uint32) []byte { return raw(2, id, 7, 0, 9, 3) },
		"no elements":        func(id uint32) []byte { return raw(2, id) },
		"duplicate element":  func(id uint32) []byte { return raw(2, id, 7, 0, 1, 3, 7, 0, 1, 3) },
		"wrong value length": func(id uint32) []byte { return raw(2, id, 7, 0, 2, 3, 3) },
		"name without NUL":   func(id uint32) []byte { return raw(2, id, 1, 0, 1, 1, 7, 0, 1, 3, 13, 0, 3, 'S', 'E', 'P') },
		"name with controls": func(id uint32) []byte { return raw(2, id, 1, 0, 1, 1, 7, 0, 1, 3, 13, 0, 4, 'S', 7, 'P', 0) },
		"too long":           func(id uint32) []byte { return raw(2, id, make([]byte, wire.MaxBody+1)...) },
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address}
			c := h.dial()
			c.writeBytes(frame(c.id))
			c.end(wire.ReasonDeclined)
			c = h.dial()
			c.hello(sep)
			if f := c.read(); f.Command != wire.CmdKeyGenerateRequest {
				t.Fatalf("the server sent %v", f.Command)
			}
			c.writeBytes(frame(c.id))
			c.end(wire.ReasonDeclined)
			after := h.device(sep)
			after.UpdatedAt = before.UpdatedAt
			if after.Operation != before.Operation || after.Status != before.Status || len(h.lscs(sep)) != 0 {
				t.Errorf("the device has changed to %+v", after)
			}
		})
	}
}

// TestUnknownElement: an element that nobody knows, or that belongs to another
// message, is skipped; the first is logged for whoever looks closely.
func TestUnknownElement(t *testing.T) {
	t.Parallel()
	var log book
	h := open(t, func(c *server.Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	h.add(sep, store.Delete)
	c := h.dial()
	f := wire.AuthResponse{Version: 3, Device: sep, Reason: wire.ReasonSuccess}.Frame(c.id)
	f.Elements = append(f.Elements, wire.Element{Tag: 99, Value: []byte("?")}, wire.Element{Tag: wire.TagCurve, Value: []byte{1}})
	c.write(f)
	if f := c.read(); f.Command != wire.CmdDeleteCertificateRequest {
		t.Fatalf("the server sent %v", f.Command)
	}
	f = wire.DeleteResponse{Reason: wire.ReasonSuccess}.Frame(c.id)
	f.Elements = append(f.Elements, wire.Element{Tag: wire.TagCertificateType, Value: []byte{1}})
	c.write(f)
	c.end(wire.ReasonSuccess)
	for _, words := range []string{`"command":"AUTH_REQUEST"`, `"command":"AUTH_RESPONSE"`, "[TAG_99]"} {
		if !log.has(words) {
			t.Errorf("the log does not have %s", words)
		}
	}
}

// TestSilence: who sends nothing, or too little, is not waited for, and keeps
// nobody else waiting.
func TestSilence(t *testing.T) {
	t.Parallel()
	short := func(c *server.Config) {
		c.Timeouts = server.Timeouts{Handshake: soon, Answer: soon}
	}
	h := open(t, short)
	h.add(sep, store.Install)
	gone := make(chan string)
	for name, talk := range map[string]func(net.Conn){
		"nothing":        func(net.Conn) {},
		"half a hello":   func(c net.Conn) { c.Write([]byte{0x16, 3, 1, 2, 0, 1}) },
		"plain TCP":      func(c net.Conn) { c.Write([]byte("GET / HTTP/1.0\r\n\r\n")) },
		"silent in TLS":  func(c net.Conn) { tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake() },
		"slow in TLS":    func(c net.Conn) { slowly(t.Context(), tls.Client(c, &tls.Config{InsecureSkipVerify: true})) },
		"half an answer": func(c net.Conn) { tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Write([]byte{0x55, 2}) },
	} {
		conn, err := net.Dial("tcp", h.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		go func() {
			talk(conn)
			io.Copy(io.Discard, conn)
			gone <- name
		}()
	}
	if _, err := h.phone(sep); err != nil {
		t.Errorf("an honest phone beside them: %v", err)
	}
	for range 6 {
		t.Log(<-gone, "is gone")
	}
}

// slowly sends a byte now and then, each before the time is up, until the server
// hangs up.
func slowly(ctx context.Context, c *tls.Conn) {
	for range ticks(ctx, 100*time.Millisecond) {
		if _, err := c.Write([]byte{0x55}); err != nil {
			return
		}
	}
}

// TestSessionIDs: ids do not repeat and show no pattern that a counter would.
func TestSessionIDs(t *testing.T) {
	h := open(t)
	seen := map[uint32]bool{}
	var last uint32
	steps := map[uint32]bool{}
	for range 64 {
		c := h.dial()
		if seen[c.id] {
			t.Fatalf("the id %08x came twice", c.id)
		}
		seen[c.id] = true
		steps[c.id-last] = true
		last = c.id
		c.Close()
	}
	if len(steps) < 64 {
		t.Errorf("only %d different steps between 64 ids", len(steps))
	}
}
