package store

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// guessing sends strings for devices from networks.
type guessing struct {
	*testing.T
	s       *Store
	limits  GuessLimits
	devices map[string]Device
}

func newGuessing(t *testing.T) (*guessing, *clock) {
	s, c := newStore(t)
	return &guessing{t, s, GuessLimits{Device: 10, Network: 30, Span: 10 * time.Minute}, map[string]Device{}}, c
}

func (g *guessing) device(name string) Device {
	if _, ok := g.devices[name]; !ok {
		g.devices[name] = addDevice(g.T, g.s, name)
	}
	return g.devices[name]
}

func (g *guessing) wrong(device, network string) WrongString {
	g.Helper()
	d := g.device(device)
	w, err := g.s.NoteWrongString(g.Context(), phone(d.Name), d.ID, d.Schedule, network, g.limits, Failed(Install, InvalidString))
	must(g.T, err)
	return w
}

func (g *guessing) right(device, network string) WrongString {
	g.Helper()
	d := g.device(device)
	w, err := g.s.NoteRightString(g.Context(), phone(d.Name), d.ID, network, g.limits)
	must(g.T, err)
	return w
}

// open says whether a string of the device from the network is compared.
func (g *guessing) open(device, network string) bool {
	g.Helper()
	until, err := g.s.NetworkDeclined(g.Context(), g.device(device).ID, network)
	must(g.T, err)
	return until.IsZero()
}

// TestDeclinedNetwork: thirty wrong strings from one network, to whatever
// devices, and no more are compared from it, whoever has compared them already;
// other networks, and devices that are known from this one, do not suffer.
func TestDeclinedNetwork(t *testing.T) {
	t.Parallel()
	g, c := newGuessing(t)
	const bad, good = "192.0.2.9", "2001:db8:1:2::/64"
	g.right("honest", bad)
	g.right("other", bad)
	for i := range 29 {
		if w := g.wrong(fmt.Sprint("d", i/9), bad); !w.Counted || !w.Declined.IsZero() {
			t.Fatalf("the wrong string %d: %+v", i+1, w)
		}
	}
	if !g.open("d0", bad) {
		t.Fatal("declined too early")
	}
	g.device("d9")
	var w WrongString
	e := events(t, g.s, 2, func() { w = g.wrong("d9", bad) })
	until := start.Add(10 * time.Minute)
	if !w.Counted || !w.Declined.Equal(until) || g.open("d0", bad) || g.open("new", bad) {
		t.Errorf("the wrong string 30: %+v", w)
	}
	if e.Action != "address-decline" || !strings.Contains(e.Detail, bad+" until ") {
		t.Errorf("the event is %+v", e)
	}
	// Those that were compared meanwhile are no guesses, the right one neither.
	events(t, g.s, 0, func() {
		if w := g.wrong("d0", bad); w.Counted || !w.Declined.Equal(until) {
			t.Errorf("one more wrong string: %+v", w)
		}
		if w := g.right("d0", bad); !w.Declined.Equal(until) {
			t.Errorf("the right string: %+v", w)
		}
	})
	if got := deviceNow(t, g.s, "d0").WrongStrings; got != 9 {
		t.Errorf("%d strings are counted", got)
	}
	if !g.open("d0", good) || g.right("d0", good).Declined != (time.Time{}) {
		t.Error("another network suffers")
	}
	if !g.open("honest", bad) || !g.right("honest", bad).Declined.IsZero() {
		t.Error("a device that is known from there suffers")
	}
	if w := g.wrong("other", bad); !w.Counted || g.open("other", bad) {
		t.Errorf("a wrong string of a known device: %+v", w)
	}
	list, now, all, err := g.s.DeclinedNetworks(t.Context(), 5)
	if err != nil || len(list) != 1 || list[0].Network != bad || now != 1 || all != 1 {
		t.Errorf("declined: %+v, %d, %d, %v", list, now, all, err)
	}
	c.move(10 * time.Minute)
	if !g.open("d0", bad) {
		t.Error("declined for too long")
	}
	if _, now, all, _ := g.s.DeclinedNetworks(t.Context(), 5); now != 0 || all != 1 {
		t.Errorf("%d are declined, of %d", now, all)
	}
	c.move(24 * time.Hour)
	if list, _, _, _ := g.s.DeclinedNetworks(t.Context(), 5); list != nil {
		t.Errorf("after a day: %+v", list)
	}
}

// TestDeclinedNetworkIsNotDeclinedAnew: wrong strings of devices that are known from a
// network that is declined are compared, but do not prolong that.
func TestDeclinedNetworkIsNotDeclinedAnew(t *testing.T) {
	t.Parallel()
	g, c := newGuessing(t)
	const bad = "192.0.2.9"
	for i := range 31 {
		g.right(fmt.Sprint("known", i), bad)
	}
	for i := range 30 {
		g.wrong(fmt.Sprint("d", i/9), bad)
	}
	c.move(time.Minute)
	for i := range 31 {
		if w := g.wrong(fmt.Sprint("known", i), bad); !w.Counted || !w.Declined.IsZero() {
			t.Errorf("the wrong string of known device %d: %+v", i, w)
		}
	}
	until, err := g.s.NetworkDeclined(t.Context(), g.device("d0").ID, bad)
	if want := start.Add(10 * time.Minute); err != nil || !until.Equal(want) {
		t.Errorf("declined until %v, %v; want %v", until, err, want)
	}
}

// TestWrongStringsRunOut: what counts are those of the last ten minutes.
func TestWrongStringsRunOut(t *testing.T) {
	t.Parallel()
	g, c := newGuessing(t)
	for i := range 60 {
		c.move(21 * time.Second) // 28 within ten minutes
		if w := g.wrong(fmt.Sprint("d", i), "192.0.2.9"); !w.Declined.IsZero() {
			t.Fatalf("declined after %d", i+1)
		}
	}
	var kept int
	must(t, g.s.point(t.Context(), "SELECT count(*) FROM wrong_strings", nil, &kept))
	if kept > 29 {
		t.Errorf("%d are kept", kept)
	}
	g.limits.Network = 0
	for i := range 60 {
		if w := g.wrong(fmt.Sprint("e", i), "192.0.2.9"); !w.Declined.IsZero() {
			t.Fatal("declined without a limit")
		}
	}
}

// TestKnownNetworks: a device is known from a few networks only.
func TestKnownNetworks(t *testing.T) {
	t.Parallel()
	g, c := newGuessing(t)
	for i := range 20 {
		c.move(time.Second)
		g.right("d", fmt.Sprint("192.0.2.", i))
	}
	d := g.device("d")
	events(t, g.s, 0, func() {
		must(t, g.s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "192.0.2.99", nil, nil))
		must(t, g.s.NoteAuthenticated(t.Context(), phone(d.Name), 999, "192.0.2.99", nil, nil))
	})
	names, err := few(t.Context(), g.s.Reader, "SELECT network FROM device_networks ORDER BY at DESC", nil, func(n *string) []any { return []any{n} })
	if err != nil || len(names) != maxKnownNetworks || names[0] != "192.0.2.99" && names[1] != "192.0.2.99" {
		t.Errorf("known from %v, %v", names, err)
	}
}

// TestUnconfirmed: the tenth LSC that a phone takes without confirming one
// locks its device; a confirmation unlocks it.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	take := func() (LSC, error) {
		r := request(d)
		r.Limit = UnconfirmedLimit{Keys: 10, Lock: 10 * time.Minute}
		return s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: r, LSC: certificate()})
	}
	var last LSC
	for i := range 10 {
		if got := deviceNow(t, s, d.Name); got.LockedFor != NotLocked {
			t.Fatalf("locked after %d: %+v", i, got)
		}
		var err error
		last, err = take()
		must(t, err)
	}
	got := deviceNow(t, s, d.Name)
	if got.LockedFor != LockedForUnconfirmed || !got.LockedUntil.Equal(start.Add(10*time.Minute)) {
		t.Errorf("after ten: %+v", got)
	}
	_, err := take()
	wantErr(t, err, ErrConflict)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), last.ID, 99))
	if got := deviceNow(t, s, d.Name); got.LockedFor != NotLocked || !got.LockedUntil.IsZero() || got.Unconfirmed != 0 {
		t.Errorf("confirmed: %+v", got)
	}
	for range 20 { // refused, which is no confirmation either
		if last, err = take(); err != nil {
			break
		}
		must(t, s.MarkRefused(t.Context(), phone(d.Name), last.ID, Failure{DeviceID: d.ID}))
	}
	wantErr(t, err, ErrConflict)
	c.move(10 * time.Minute)
	_, err = take()
	must(t, err)
	n, err := s.CountLSCs(t.Context(), LSCFilter{})
	if err != nil || n != 21 {
		t.Errorf("%d LSCs, %v", n, err)
	}
	sound(t, s)
}
