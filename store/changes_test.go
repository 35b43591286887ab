package store

import (
	"maps"
	"path/filepath"
	"testing"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, other := openStore(t, path, Options{}), openStore(t, path, Options{})
	since := int64(-1)
	changed := func() Changes {
		t.Helper()
		c, err := s.Changes(t.Context(), since)
		must(t, err)
		since = c.Until
		return c
	}
	if c := changed(); !c.Anything || c.Until != 0 {
		t.Fatalf("at first: %+v", c)
	}
	d := addDevice(t, other, "SEP00000000000A")
	changed()
	r := submit(t, other, d)
	_, err := other.DeleteRequests(t.Context(), operator, []int64{r.ID})
	must(t, err)
	before := since
	if c := changed(); c.Anything || c.Settings || c.Until != before+2 || !maps.Equal(c.Devices, map[string]bool{"sep00000000000a": true}) {
		t.Errorf("after two events of a device: %+v", c)
	}
	if c := changed(); c.Anything || c.Settings || c.Until != since || len(c.Devices) != 0 {
		t.Errorf("after none: %+v", c)
	}
	must(t, other.SetParameter(t.Context(), operator, "a", "b"))
	if c := changed(); c.Anything || !c.Settings || len(c.Devices) != 0 {
		t.Errorf("after a parameter: %+v", c)
	}
	for range manyEvents + 1 {
		must(t, other.AddEvent(t.Context(), Event{Actor: operator, Device: d.Name, Action: "test"}))
	}
	if c := changed(); !c.Anything || c.Devices != nil {
		t.Errorf("after many events: %+v", c)
	}
	since += 5
	if c := changed(); !c.Anything {
		t.Errorf("ahead of the record: %+v", c)
	}
}
