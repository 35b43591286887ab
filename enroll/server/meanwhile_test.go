package server_test

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
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
		if err := h.rules.Store.DeleteDevice(context.Background(), operator, name); err != nil {
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
					if m, err := wire.ParseFetchRequest(f); err == nil && m.Type == wire.MIC {
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
