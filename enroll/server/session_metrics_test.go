package server_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// tally is a meter that remembers. The mutex guards the maps.
type tally struct {
	mu   sync.Mutex
	open map[string]int
	seen map[string]int
}

func newTally() *tally { return &tally{open: map[string]int{}, seen: map[string]int{}} }

func (m *tally) Moved(from, to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for state, by := range map[string]int{from: -1, to: 1} {
		if m.open[state] += by; m.open[state] == 0 {
			delete(m.open, state)
		}
	}
	m.seen["state "+to]++
}

func (m *tally) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[what]++
}

func (m *tally) Ended(operation, outcome string, _ time.Duration) {
	m.note(operation + " " + outcome)
}
func (m *tally) LockedOut()                            { m.note("lock-out") }
func (m *tally) AddressDeclined()                      { m.note("address declined") }
func (m *tally) TurnedAway(reason string)              { m.note("away " + reason) }
func (m *tally) Issued(issuer string, _ time.Duration) { m.note("issued " + issuer) }
func (m *tally) Enrolled(issuer, key string)           { m.note("enrolled " + issuer + " " + key) }
func (m *tally) read() (open, seen map[string]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.open), maps.Clone(m.seen)
}

func TestMeter(t *testing.T) {
	t.Parallel()
	m := newTally()
	h := open(t, func(c *server.Config) { c.Meter = m })
	h.add("SEP000000000001", store.Install)
	h.add("SEP000000000002", store.Install, func(e *devices.Edit) {
		mode, secret := store.ByString, "1234"
		e.AuthMode, e.String = &mode, &secret
	})
	if _, err := h.phone("SEP000000000001"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.phone("SEP000000000001"); err != nil {
		t.Error(err)
	}
	if _, err := h.phone("SEP000000000002", func(c *phone.Config) { c.Password = []byte("4321") }); err == nil {
		t.Error("a wrong string was taken")
	}
	if _, err := h.phone("SEP0000000000FF"); err == nil {
		t.Error("a device that there is not was served")
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	still, seen := m.read()
	delete(still, "") // before and after
	if len(still) != 0 {
		t.Errorf("sessions that have ended are open still: %v", still)
	}
	want := map[string]int{
		"install ok": 1, "none nothing_scheduled": 1, "none wrong_string": 1, "none unknown_device": 1,
		"issued capf": 1, "enrolled capf rsa-2048": 1,
		"state ": 4, "state handshake": 4, "state authenticate": 4, "state key": 1, "state store": 1,
	}
	if !maps.Equal(seen, want) {
		t.Errorf("counted\n%v, want\n%v", sorted(seen), sorted(want))
	}
}

// TestMeterGuesses counts what somebody does who guesses a string, and holds the
// outcomes that the dashboard asks for by name against what was counted.
func TestMeterGuesses(t *testing.T) {
	t.Parallel()
	m := newTally()
	h := open(t, func(c *server.Config) { c.Meter = m })
	h.add(sep, store.Install, mode(store.ByString), withString("123456"))
	h.add("null", store.Install)
	h.addStrings("other")
	h.set("wrong_strings_per_address", "10")
	try := func(device, s string) {
		if _, err := h.phone(device, func(c *phone.Config) { c.Password = []byte(s) }); err == nil {
			t.Errorf("%s got a certificate with %q", device, s)
		}
	}
	for range 10 {
		try(sep, "")
		try(sep, "4321")
	}
	for _, s := range []string{"", "4321", "123456"} {
		try(sep, s)
	}
	try("null", "4321")
	try("other", "123456")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	_, seen := m.read()
	maps.DeleteFunc(seen, func(what string, _ int) bool { return strings.HasPrefix(what, "state ") })
	want := map[string]int{"none wrong_string": 10, "lock-out": 1, "none locked": 3, "none declined": 11, "address declined": 1, "none address_declined": 1}
	if !maps.Equal(seen, want) {
		t.Errorf("counted %v, want %v", seen, want)
	}
	board, err := os.ReadFile("../../scripts/grafana-capf.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range regexp.MustCompile(`outcome=~?\\"([a-z_|]+)`).FindAllStringSubmatch(string(board), -1) {
		for word := range strings.SplitSeq(q[1], "|") {
			if seen["none "+word] == 0 {
				t.Errorf("the dashboard asks for the outcome %s, which was not counted", word)
			}
		}
	}
}

func sorted(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
