package store

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestUpsertDevices adds a device, changes one, leaves one as it is and one refused,
// each with its event; what is the store's stays the store's.
func TestUpsertDevices(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	was := addDevice(t, s, "SEP000000000001")
	addDevice(t, s, "SEP000000000002")
	addDevice(t, s, "SEP000000000003")
	c.move(time.Hour)
	names := []string{"SEP000000000001", "SEP000000000002", "SEP000000000003", "SEP000000000004"}
	var ready UpsertTally
	next := func() (name string, more bool) {
		if len(names) == 0 {
			return "", false
		}
		name, names = names[0], names[1:]
		return name, true
	}
	n, err := s.UpsertDevices(t.Context(), operator, Upsert{
		Action: "bulk-insert", Detail: "from a file", Next: next,
		Want: func(have *Selected) (Device, error) {
			switch {
			case have == nil:
				return device("another name"), nil
			case have.Name == "SEP000000000002":
				return Device{}, Refusal{"not this one"}
			case have.Name == "SEP000000000003":
				return have.Device, nil
			}
			want := device("another name") // made anew, so it has no id
			want.Pool = "office"
			want.Schedule = have.Schedule
			return want, nil
		},
		Ready: func(n UpsertTally) error { ready = n; return nil },
	})
	must(t, err)
	if want := (UpsertTally{Added: 1, Changed: 1, Same: 1, Refused: 1}); n != want || ready != want {
		t.Errorf("%+v, and %+v before the commit; want %+v", n, ready, want)
	}
	changed := deviceNow(t, s, "SEP000000000001")
	if changed.ID != was.ID || changed.Pool != "office" || !changed.CreatedAt.Equal(was.CreatedAt) || !changed.UpdatedAt.Equal(start.Add(time.Hour)) {
		t.Errorf("changed: %+v", changed)
	}
	if same := deviceNow(t, s, "SEP000000000003"); !same.UpdatedAt.Equal(start) {
		t.Errorf("what did not change was changed at %v", same.UpdatedAt)
	}
	deviceNow(t, s, "SEP000000000004")
	if _, err := s.Device(t.Context(), "another name"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a device of another name: %v", err)
	}
	var told []string
	for e, err := range s.Events(t.Context(), EventFilter{}) {
		must(t, err)
		if e.At.Equal(start.Add(time.Hour)) {
			told = append(told, e.Device+" "+e.Action+" "+e.Detail)
		}
	}
	want := []string{" bulk-insert 1 device added, 1 changed", "SEP000000000001 device-set from a file", "SEP000000000004 device-add from a file"}
	if slices.Sort(told); !slices.Equal(told, want) {
		t.Errorf("the events are %q, want %q", told, want)
	}
}
