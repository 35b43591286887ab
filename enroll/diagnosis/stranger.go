package diagnosis

import (
	"context"
	"slices"
	"strings"

	"capf/internal/similar"
	"capf/store"
)

// Stranger is what is known of a name that no device has.
type Stranger struct {
	Name     string
	Attempts []store.Event // of phones that came with the name, the newest last
	Deleted  bool          // a device of the name was deleted
	Similar  []string      // names of devices that are almost the same
}

const (
	similarShown = 5
	// nearby is how many letters may differ.
	nearby = 2
	// tail is how much of the end of a name makes it similar, whatever is before: the
	// part of a MAC address that differs between the phones of a site.
	tail = 6
)

// Unknown says what is known of a name that no device has.
func Unknown(ctx context.Context, s *store.Reader, name string) (Stranger, error) {
	u := Stranger{Name: name}
	for e, err := range s.Events(ctx, store.EventFilter{Device: name, Limit: eventsRead}) {
		switch {
		case err != nil:
			return u, err
		case e.Action == "device-delete":
			u.Deleted = true
		case e.Actor.Kind == store.Phone:
			u.Attempts = append(u.Attempts, e)
		}
	}
	u.Attempts = u.Attempts[max(0, len(u.Attempts)-attemptsShown):]
	var err error
	u.Similar, err = similarNames(ctx, s, name)
	return u, err
}

// similarNames looks at the name of every device, and returns the nearest.
func similarNames(ctx context.Context, s *store.Reader, name string) ([]string, error) {
	type match struct {
		name     string
		distance int
	}
	var found []match
	name = strings.ToUpper(name)
	for d, err := range s.Devices(ctx, store.DeviceFilter{}) {
		if err != nil {
			return nil, err
		}
		other := strings.ToUpper(d.Name)
		switch n := similar.Distance(name, other); {
		case n <= nearby:
			found = append(found, match{d.Name, n})
		case len(name) >= tail && strings.HasSuffix(other, name[len(name)-tail:]):
			found = append(found, match{d.Name, nearby + 1})
		}
		if len(found) > 2*similarShown {
			slices.SortStableFunc(found, func(a, b match) int { return a.distance - b.distance })
			found = found[:similarShown]
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return a.distance - b.distance })
	var names []string
	for _, m := range found[:min(similarShown, len(found))] {
		names = append(names, m.name)
	}
	return names, nil
}
