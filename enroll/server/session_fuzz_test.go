package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

// alarms counts the lines of a log that no phone may cause.
type alarms struct {
	slog.Handler
	count atomic.Int64
}

func (a *alarms) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		a.count.Add(1)
	}
	return a.Handler.Handle(ctx, r)
}

func (a *alarms) WithAttrs([]slog.Attr) slog.Handler { return a }

// said writes frames one after the other, without the session's id, which is
// the server's to choose: command, length and body of each.
func said(frames ...wire.Frame) []byte {
	var b []byte
	for _, f := range frames {
		whole, err := f.Marshal()
		if err != nil {
			panic(err)
		}
		b = append(append(b, whole[1]), whole[6:]...)
	}
	return b
}

// asFrames turns what was said into frames of a session.
func asFrames(b []byte, session uint32) []byte {
	var frames []byte
	for len(b) >= 3 {
		n := min(len(b)-3, int(binary.BigEndian.Uint16(b[1:3])))
		frames = append(frames, wire.ProtocolID, b[0])
		frames = binary.BigEndian.AppendUint32(frames, session)
		frames = append(frames, b[1:3+n]...)
		b = b[3+n:]
	}
	return frames
}

// FuzzSession lets a phone say anything, in any order, in the session of a
// device with an operation scheduled. The session ends; nothing in the server
// breaks; and an operation is only over when the phone has said that it is.
func FuzzSession(f *testing.F) {
	alarm := &alarms{Handler: slog.DiscardHandler}
	h := open(f, func(c *server.Config) {
		c.Log, c.Poll = slog.New(alarm), time.Second
		c.Timeouts = server.Timeouts{Answer: 2 * time.Second, Store: 2 * time.Second}
	})
	operations := []store.Operation{store.Install, store.Delete, store.Troubleshoot}
	hello := func(i int) wire.Frame {
		return wire.AuthResponse{Version: 3, Device: operations[i].String(), Reason: wire.ReasonSuccess, Password: []byte{}}.Frame(0)
	}
	for _, op := range operations {
		h.add(op.String(), op, ecKey)
	}
	key := wire.KeyGenerateResponse{PublicKey: public(f, crypto.EC384)}.Frame(0)
	lsc := wire.FetchResponse{Reason: wire.ReasonSuccess, Certificate: &wire.Certificate{Type: wire.TypeLSC, DER: []byte{0x30, 0}}}.Frame(0)
	for _, frames := range [][]wire.Frame{
		{hello(0), wire.RequestInProgress{}.Frame(0), key, wire.StoreResponse{Reason: wire.ReasonSuccess}.Frame(0)},
		{hello(0), key, wire.StoreResponse{Reason: wire.ReasonDeclined}.Frame(0)},
		{hello(1), wire.DeleteResponse{Reason: wire.ReasonSuccess}.Frame(0)},
		{hello(2), lsc, lsc},
		{hello(0), wire.AbortRequest{}.Frame(0)},
		{key, hello(0)}, {hello(0), hello(1)}, {hello(0), key, key},
	} {
		f.Add(said(frames...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		conn, err := tls.Dial("tcp", h.address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		first, err := wire.Read(conn)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(asFrames(b, first.Session)) // the server may have had enough before
		conn.CloseWrite()
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the session does not end")
		}
		if n := alarm.count.Swap(0); n > 0 {
			t.Errorf("%d lines of the log are errors", n)
		}
		for _, op := range operations {
			d, err := h.base.Store.Device(t.Context(), op.String())
			if err != nil {
				t.Fatal(err)
			}
			if d.Operation == op {
				continue
			}
			if !bytes.Contains(bytes.ToLower(b), []byte(strings.ToLower(d.Name))) {
				t.Errorf("the operation of %s is over, of which nothing was said", d.Name)
			}
			if _, _, err := deviceRules(h.base).Change(t.Context(), operator, d.Name, devices.Edit{Operation: &op}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
