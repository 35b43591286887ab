package server_test

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/store"
)

// book keeps what a server logs. The mutex guards text.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *book) has(words string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), words)
}

func (b *book) log(c *server.Config) { c.Log = slog.New(slog.NewTextHandler(b, nil)) }

// TestDeletedMeanwhile is an operator who deletes the device while the server
// waits for an answer of the phone: the phone is declined, and told so, and it
// is no failure of ours.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	var log book
	h := open(t, log.log)
	remove := func(name string) {
		if err := h.base.Store.DeleteDevice(context.Background(), operator, name); err != nil {
			t.Error(err)
		}
	}
	for name, test := range map[string]struct {
		op  store.Operation
		set func(name string) func(*phone.Config)
	}{
		"makes-a-key": {store.Install, func(name string) func(*phone.Config) {
			return func(c *phone.Config) {
				c.Observe = func(sent bool, f wire.Frame) {
					if f.Command == wire.CmdKeyGenerateRequest {
						remove(name)
					}
				}
			}
		}},
		"stores": {store.Install, func(name string) func(*phone.Config) {
			return func(c *phone.Config) { c.Store = func([]byte, stdcrypto.Signer) error { remove(name); return nil } }
		}},
		"does-not-store": {store.Install, func(name string) func(*phone.Config) {
			return func(c *phone.Config) {
				c.Store = func([]byte, stdcrypto.Signer) error { remove(name); return errors.New("flash is full") }
			}
		}},
		"deletes": {store.Delete, func(name string) func(*phone.Config) {
			return func(c *phone.Config) { c.Delete = func() error { remove(name); return nil } }
		}},
		"gives": {store.Troubleshoot, func(name string) func(*phone.Config) {
			return func(c *phone.Config) {
				c.LSC = []byte{0x30, 0}
				c.Observe = func(sent bool, f wire.Frame) {
					if m, err := wire.ParseFetchRequest(f); err == nil && m.Type == wire.TypeMIC {
						remove(name)
					}
				}
			}
		}},
	} {
		h.add(name, test.op)
		r, err := h.phone(name, test.set(name))
		if r.Reason != wire.ReasonDeclined || errors.Is(err, phone.ErrCommunication) {
			t.Errorf("%s: the phone ended with reason %v: %v", name, r.Reason, err)
		}
	}
	if log.has("internal error") {
		t.Error("the log speaks of an internal error")
	}
}

// TestAddedAgainMeanwhile: the phone confirms what it was told for a device that
// has been deleted and added again since. The new one is another device.
func TestAddedAgainMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(sep, store.Install)
	_, err := h.phone(sep, func(c *phone.Config) {
		c.Store = func([]byte, stdcrypto.Signer) error {
			err := h.base.Store.DeleteDevice(context.Background(), operator, sep)
			h.add(sep, store.Install)
			return err
		}
	})
	h.declined(sep, "Operation Pending", err)
	for l, err := range h.base.Store.LSCs(t.Context(), store.LSCFilter{DeviceID: h.device(sep).ID}) {
		t.Errorf("the new device has the LSC %+v, %v", l, err)
	}
	// Without an LSC, a secure phone could not register to have a string typed in.
	mode, secure, text := store.ByString, store.Encrypted, "12345"
	_, _, err = deviceRules(h.base).Change(t.Context(), operator, sep, devices.Edit{AuthMode: &mode, SecurityMode: &secure, String: &text})
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("the old device's LSC counts for the new one: %v", err)
	}
}

// TestWrongStringMeanwhile: somebody gives a wrong string while the phone itself
// completes the operation, or an operator deletes the device.
func TestWrongStringMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	for name, test := range map[string]struct {
		meanwhile func(name string)
		status    string // "" for none
	}{
		"completed": {func(name string) {
			if _, err := h.phone(name, func(c *phone.Config) { c.Password = []byte("123456") }); err != nil {
				t.Error(err)
			}
		}, "Upgrade Success"},
		"changed": {func(name string) { h.schedule(name, store.Delete) }, "Operation Pending"},
		"deleted": {func(name string) {
			if err := h.base.Store.DeleteDevice(context.Background(), operator, name); err != nil {
				t.Error(err)
			}
		}, ""},
	} {
		h.add(name, store.Install, mode(store.ByString), withString("123456"))
		var once sync.Once
		r := &base{Store: h.base.Store, Sealer: h.base.Sealer, Log: h.base.Log, Rand: rand.Reader, Now: func() time.Time {
			once.Do(func() { test.meanwhile(name) }) // the device has been read, the string not compared yet
			return h.clock.now()
		}}
		inForce, err := settings.Read(t.Context(), r.Store.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, err = registrarOf(r).Authenticate(t.Context(), &inForce, enroll.Claim{Device: name, Version: 3, Accepted: true, Password: []byte("654321")})
		if !errors.As(err, new(*enroll.SessionError)) {
			t.Errorf("%s: it ended with %v", name, err)
		}
		if test.status != "" {
			if d := h.device(name); d.Status.Long() != test.status {
				t.Errorf("%s: the device has %q", name, d.Status.Long())
			}
		}
	}
}

// TestAbortAnywhere is a user who ends the operation at the phone, in each
// state of a session, after the phone has said twice that it is at work.
func TestAbortAnywhere(t *testing.T) {
	t.Parallel()
	capf := open(t)
	other, _ := offlineHouse(t)
	hear := func(c *conversation, want wire.Command) {
		t.Helper()
		if f := c.read(); f.Command != want {
			t.Fatalf("the server sent %v, not %v", f.Command, want)
		}
	}
	asked := func(c *conversation, name string) {
		c.hello(name)
		hear(c, wire.CmdKeyGenerateRequest)
	}
	made := func(c *conversation, name string) {
		asked(c, name)
		c.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.RSA2048)}.Frame(c.id))
	}
	fetched := func(c *conversation, name string) {
		c.hello(name)
		hear(c, wire.CmdFetchCertificateRequest)
	}
	for _, test := range []struct {
		state  string
		h      *house
		op     store.Operation
		reach  func(c *conversation, name string)
		status string
	}{
		{"key", capf, store.Install, asked, "Upgrade Failed"},
		{"store", capf, store.Install, func(c *conversation, name string) {
			made(c, name)
			hear(c, wire.CmdStoreCertificateRequest)
		}, "Upgrade Failed"},
		{"possession", other, store.Install, func(c *conversation, name string) {
			made(c, name)
			hear(c, wire.CmdEncryptRequest)
		}, "Upgrade Failed"},
		{"issue", other, store.Install, func(c *conversation, name string) {
			made(c, name)
			hear(c, wire.CmdEncryptRequest)
			c.write(wire.EncryptResponse{Reason: wire.ReasonDeclined}.Frame(c.id))
			other.pending(name)
		}, "Upgrade Failed"},
		{"fetch", capf, store.Troubleshoot, fetched, "Troubleshoot Failed"},
		{"fetch-mic", capf, store.Troubleshoot, func(c *conversation, name string) {
			fetched(c, name)
			c.write(wire.FetchResponse{Reason: wire.ReasonDeclined}.Frame(c.id))
			hear(c, wire.CmdFetchCertificateRequest)
		}, "Troubleshoot Failed"},
		{"delete", capf, store.Delete, func(c *conversation, name string) {
			c.hello(name)
			hear(c, wire.CmdDeleteCertificateRequest)
		}, "Delete Failed"},
	} {
		test.h.add(test.state, test.op)
		c := test.h.dial()
		test.reach(c, test.state)
		for range 2 {
			c.write(wire.RequestInProgress{}.Frame(c.id))
		}
		c.write(wire.AbortRequest{}.Frame(c.id))
		m, err := wire.ParseAbortResponse(c.read())
		if err != nil || m.Reason != wire.ReasonSuccess {
			t.Errorf("%s: the server answers with %v: %v", test.state, m, err)
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: after ABORT_RESPONSE: %v", test.state, err)
		}
		if d := test.h.device(test.state); d.Operation != test.op || d.Status.Long() != test.status {
			t.Errorf("%s: the device has %s, %q", test.state, d.Operation, d.Status.Long())
		}
	}
}
