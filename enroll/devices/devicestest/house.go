// Package devicestest is a database with devices, for the tests of the rooms
// that change them.
package devicestest

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

var (
	Operator = store.Actor{Kind: store.Operator, Name: "olga", Command: "capf test"}
	Start    = time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC)
)

// Clock stands still until it is moved. The mutex guards the rest.
type Clock struct {
	mu    sync.Mutex
	at    time.Time
	left  int // how often it is looked at before the alarm goes off
	alarm func()
}

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left == 0 {
		c.alarm()
	}
	return c.at
}

// AtLook has something done when the clock is looked at for the nth time from
// now.
func (c *Clock) AtLook(n int, alarm func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.alarm = n, alarm
}

func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// House is a database with its rules.
type House struct {
	testing.TB
	Rules *devices.Rules
	Clock *Clock
}

// New makes a house.
func New(t testing.TB) *House {
	t.Helper()
	c := &Clock{at: Start}
	return Open(t, filepath.Join(t.TempDir(), "capf.db"), c)
}

// Open opens the database of a house, or makes it.
func Open(t testing.TB, path string, c *Clock) *House {
	t.Helper()
	s, err := store.Create(t.Context(), path, store.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, path+".key")
	if err != nil {
		t.Fatal(err)
	}
	return newHouse(t, s, sealer, c)
}

func newHouse(t testing.TB, s *store.Store, sealer *crypto.Sealer, c *Clock) *House {
	return &House{
		t, &devices.Rules{Store: s, Sealer: sealer, Now: c.Now, Rand: rand.Reader}, c,
	}
}

// CAPF is the CAPF certificate of the house.
func (h *House) CAPF() authority.CAPF {
	return authority.CAPF{Store: h.Rules.Store, Sealer: h.Rules.Sealer, Now: h.Rules.Now, Rand: h.Rules.Rand}
}

// Init makes the CAPF certificate.
func (h *House) Init() {
	h.Helper()
	if _, err := h.CAPF().Init(h.Context(), Operator, crypto.Name{Organization: "Acme"}, 2048); err != nil {
		h.Fatal(err)
	}
}

// Rehearsal is the house for a dry run.
func (h *House) Rehearsal() *House {
	return newHouse(h.TB, h.Rules.Store.Rehearsal(), h.Rules.Sealer, h.Clock)
}

func (h *House) Set(parameter, value string) {
	h.Helper()
	if _, err := settings.Set(h.Context(), h.Rules.Store, Operator, parameter, value); err != nil {
		h.Fatal(err)
	}
}

// Add makes a device; the edit may be empty.
func (h *House) Add(name string, e devices.Edit) store.Device {
	h.Helper()
	d, _, err := h.Rules.Add(h.Context(), Operator, name, e)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

func (h *House) Device(name string) store.Device {
	h.Helper()
	d, err := h.Rules.Store.Device(h.Context(), name)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

// InstallLSC installs an LSC of that life on a device, from an issuer of that name.
func (h *House) InstallLSC(name, issuer string, from time.Time, days int) {
	h.Helper()
	d := h.Device(name)
	actor := store.Actor{Kind: store.Phone, Name: name}
	sum := sha256.Sum256(fmt.Append(nil, name, from, days))
	l, err := h.Rules.Store.IssueLSC(h.Context(), actor, store.NewLSC{
		Request: store.Request{DeviceID: d.ID, Device: name, Schedule: d.Schedule, Issuer: "capf", KeyKind: "rsa-2048",
			KeyHash: sum[:], PublicKey: sum[:]},
		LSC: store.LSC{Serial: fmt.Sprintf("%x", sum[:8]), Subject: "CN=" + name, Issuer: issuer, KeyKind: "rsa-2048",
			NotBefore: from, NotAfter: from.AddDate(0, 0, days), Certificate: sum[:], Fingerprint: sum[:]},
	})
	if err == nil {
		err = h.Rules.Store.MarkInstalled(h.Context(), actor, l.ID, d.Schedule)
	}
	if err != nil {
		h.Fatal(err)
	}
}

// Events counts all events.
func (h *House) Events() (n int) {
	h.Helper()
	for _, err := range h.Rules.Store.Events(h.Context(), store.EventFilter{}) {
		if err != nil {
			h.Fatal(err)
		}
		n++
	}
	return n
}

// Fleet is a house with devices of every kind that filters tell apart.
func Fleet(t testing.TB) *House {
	t.Helper()
	h := New(t)
	install := Ptr(store.Install)
	h.Add("SEP000000000001", devices.Edit{Pool: Ptr("Berlin-1"), Model: Ptr("7962")})
	h.Add("SEP000000000002", devices.Edit{Pool: Ptr("Berlin-2"), Model: Ptr("8861"), Operation: install})
	h.Add("SEP000000000003", devices.Edit{Pool: Ptr("Hamburg"), Model: Ptr("8861"), AuthMode: Ptr(store.ByLSCPrecedence)})
	h.Add("CSFolga", devices.Edit{Pool: Ptr("Hamburg"), AuthMode: Ptr(store.ByString), String: Ptr("47110815")})
	h.Add("CSFlate", devices.Edit{Operation: install, CompletesBy: Ptr(devices.At(Start.Add(time.Hour)))})
	h.InstallLSC("SEP000000000001", "CN=CAPF-11111111,O=Acme", Start.AddDate(-4, 0, 0), 365*4+30)
	h.InstallLSC("SEP000000000003", "CN=Issuing CA,O=Acme", Start.AddDate(-1, 0, 0), 1825)
	h.InstallLSC("CSFolga", "CN=CAPF-11111111,O=Acme", Start.AddDate(-5, 0, 0), 1000)
	h.Clock.Move(2 * time.Hour)
	return h
}

// Snapshot is all devices with their settings.
func (h *House) Snapshot() (all []string) {
	h.Helper()
	for d, err := range h.Rules.Store.Devices(h.Context(), store.DeviceFilter{}) {
		Must(h.TB, err)
		all = append(all, fmt.Sprintf("%+v", d))
	}
	return all
}

// Ptr is a pointer to a value.
func Ptr[T any](v T) *T { return &v }

// Must ends the test at an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
