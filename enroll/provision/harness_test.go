package provision_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

var (
	operator = store.Actor{Kind: store.Operator, Name: "olga", Command: "capf test"}
	start    = time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC)
)

// clock stands still until it is moved. The mutex guards the rest.
type clock struct {
	mu    sync.Mutex
	at    time.Time
	left  int // how often it is looked at before the alarm goes off
	alarm func()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		c.alarm()
	}
	return c.at
}

// atLook has something done when the clock is looked at for the nth time from
// now.
func (c *clock) atLook(n int, alarm func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.alarm = n, alarm
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// house is a database with its rules.
type house struct {
	testing.TB
	rules *enroll.Rules
	clock *clock
}

func newHouse(t testing.TB) *house {
	t.Helper()
	c := &clock{at: start}
	return openHouse(t, filepath.Join(t.TempDir(), "capf.db"), c)
}

func openHouse(t testing.TB, path string, c *clock) *house {
	t.Helper()
	s, err := store.Create(t.Context(), path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, path+".key")
	if err != nil {
		t.Fatal(err)
	}
	return &house{t, &enroll.Rules{Store: s, Sealer: sealer, Now: c.now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}, c}
}

// init makes the CAPF certificate.
func (h *house) init() {
	h.Helper()
	if _, err := h.rules.Init(h.Context(), operator, crypto.Name{Organization: "Acme"}, 2048); err != nil {
		h.Fatal(err)
	}
}

// rehearsal is the house for a dry run.
func (h *house) rehearsal() *house {
	r := h.rules
	return &house{h.TB, &enroll.Rules{Store: r.Store.Rehearsal(), Sealer: r.Sealer, Now: r.Now, Rand: r.Rand, Log: r.Log}, h.clock}
}

func (h *house) set(parameter, value string) {
	h.Helper()
	if _, err := settings.Set(h.Context(), h.rules.Store, operator, parameter, value); err != nil {
		h.Fatal(err)
	}
}

// add makes a device; the edit may be empty.
func (h *house) add(name string, e enroll.DeviceEdit) store.Device {
	h.Helper()
	d, _, err := h.rules.AddDevice(h.Context(), operator, name, e)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

func (h *house) device(name string) store.Device {
	h.Helper()
	d, err := h.rules.Store.Device(h.Context(), name)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

// lsc installs an LSC of that life on a device, from an issuer of that name.
func (h *house) lsc(name, issuer string, from time.Time, days int) {
	h.Helper()
	d := h.device(name)
	actor := store.Actor{Kind: store.Phone, Name: name}
	sum := sha256.Sum256(fmt.Append(nil, name, from, days))
	l, err := h.rules.Store.IssueLSC(h.Context(), actor, store.NewLSC{
		Request: store.Request{DeviceID: d.ID, Device: name, Schedule: d.Schedule, Issuer: "capf", KeyKind: "rsa-2048",
			KeyHash: sum[:], PublicKey: sum[:]},
		LSC: store.LSC{Serial: fmt.Sprintf("%x", sum[:8]), Subject: "CN=" + name, Issuer: issuer, KeyKind: "rsa-2048",
			NotBefore: from, NotAfter: from.AddDate(0, 0, days), Certificate: sum[:], Fingerprint: sum[:]},
	})
	if err == nil {
		err = h.rules.Store.MarkInstalled(h.Context(), actor, l.ID, d.Schedule)
	}
	if err != nil {
		h.Fatal(err)
	}
}

// events counts all events.
func (h *house) events() (n int) {
	h.Helper()
	for _, err := range h.rules.Store.Events(h.Context(), store.EventFilter{}) {
		if err != nil {
			h.Fatal(err)
		}
		n++
	}
	return n
}

func ptr[T any](v T) *T { return &v }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
