package store

import (
	"fmt"
	"testing"
	"time"
)

// TestEnds: LSCs are counted by how long they last, and by pool with those apart
// whose devices get a new one in time.
func TestEnds(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	day := 24 * time.Hour
	for i, lasting := range []time.Duration{-day, day, 20 * day, 20 * day, 25 * day, 400 * day} {
		d := device(fmt.Sprintf("SEP%012d", i))
		d.Pool = []string{"Köln", "Bonn"}[i%2]
		d, err := s.AddDevice(t.Context(), operator, d)
		must(t, err)
		l := certificate()
		l.NotBefore, l.NotAfter = start.Add(-1000*day), start.Add(lasting)
		l, err = s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: request(d), LSC: l})
		must(t, err)
		must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule))
	}
	_, err := s.ChangeDevice(t.Context(), operator, "SEP000000000002", EventText{Action: "device-set"}, func(d *Device) error { // of 20 days, in Köln
		d.Operation, d.CompletesBy = Install, start.Add(5*day)
		return nil
	})
	must(t, err)

	counts, err := s.CountEnds(t.Context(), []time.Time{start, start.Add(7 * day), start.Add(30 * day)})
	if fmt.Sprint(counts) != "[1 1 3 1]" {
		t.Errorf("counted %v, %v", counts, err)
	}
	pools := func() string {
		got, err := s.EndsByPool(t.Context(), start, start.Add(30*day))
		must(t, err)
		text := ""
		for _, p := range got {
			text += fmt.Sprintf("%s %d+%d from day %d; ", p.Pool, p.LSCs, p.Scheduled, p.First.Sub(start)/day)
		}
		return text
	}
	if got := pools(); got != "Bonn 2+0 from day 1; Köln 1+1 from day 25; " {
		t.Error(got)
	}
	if n := len(all(t, s.Expiries(t.Context(), new(start.Add(30*day))))); n != 5 {
		t.Errorf("%d end within 30 days", n)
	}
	c.move(6 * day) // its time is over
	if got := pools(); got != "Bonn 2+0 from day 1; Köln 2+0 from day 20; " {
		t.Error(got)
	}
}
