package store

import (
	"strings"
	"testing"
	"time"
)

// TestClockGoesBack: what was to wait for minutes does not wait for hours
// because the clock has gone back by hours.
func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	ctx := t.Context()
	d := addDevice(t, s, "SEP000000000001")
	_, o := onlineRequest(t, s, d)
	o, _, err := s.ClaimOnline(ctx, o, false, c.now().Add(time.Minute))
	must(t, err)
	o.State, o.DueAt = OnlineQueued, c.now().Add(10*time.Minute)
	must(t, s.PostponeOnline(ctx, operator, o, EventText{}))
	c.move(-clockStep) // the clocks of two hosts may differ so
	if n := len(due(t, s)); n != 0 {
		t.Errorf("%d requests are due before their time", n)
	}
	c.move(-time.Hour)
	if n := len(due(t, s)); n != 1 {
		t.Fatalf("after the clock has gone back %d requests are due", n)
	}
	o, _, err = s.ClaimOnline(ctx, o, false, c.now().Add(time.Minute))
	must(t, err)
	if n := len(due(t, s)); n != 0 {
		t.Errorf("one that somebody works on is due: %d", n)
	}
	c.move(time.Minute)
	if n := len(due(t, s)); n != 1 {
		t.Errorf("and one that nobody does any more is not: %d", n)
	}
	if plan := explain(t, s, onlineAhead(c.now(), 10, true)); !strings.Contains(plan, "online_requests_set (set_at>?)") {
		t.Errorf("the plan is %s", plan)
	}

	limits := GuessLimits{Device: 3, Network: 3, Span: LockTime}
	for range 3 {
		_, err := s.NoteWrongString(ctx, phone(d.Name), d.ID, d.Schedule, "192.0.2.1", limits, "")
		must(t, err)
	}
	locked := func() bool {
		t.Helper()
		d, err := s.Device(ctx, d.Name)
		must(t, err)
		n, err := s.CountLocked(ctx)
		must(t, err)
		declined, err := s.NetworkDeclined(ctx, d.ID, "192.0.2.1")
		must(t, err)
		w, err := s.NoteRightString(ctx, phone(d.Name), d.ID, "198.51.100.1", limits)
		must(t, err)
		is := d.Locked(c.now())
		if is != (n == 1) || is != !w.Locked.IsZero() || is != !declined.IsZero() {
			t.Errorf("locked: %v, counted %d, %+v, declined until %v", is, n, w, declined)
		}
		return is
	}
	if !locked() {
		t.Fatal("the device is not locked")
	}
	c.move(-time.Hour)
	if locked() {
		t.Error("a lock of ten minutes lasts for an hour and ten")
	}
	if w, err := s.NoteWrongString(ctx, phone(d.Name), d.ID, d.Schedule, "192.0.2.1", limits, ""); err != nil || !w.Counted {
		t.Errorf("a wrong string is not counted: %v", err)
	}
}

// TestPruneWithOneFarAhead: an event that was written while the clock was far
// ahead goes with its neighbours, and does not keep them for years.
func TestPruneWithOneFarAhead(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	event := func(after time.Duration) {
		t.Helper()
		c.move(after)
		must(t, s.AddEvent(t.Context(), Event{Actor: operator, Action: "test"}))
	}
	const day, years = 24 * time.Hour, 10 * 365 * 24 * time.Hour
	event(0)
	event(years) // far ahead, and back again
	event(day - years)
	event(100 * day)
	event(years) // so is the last one, which is of today
	c.move(-years)
	before := c.now().Add(-50 * day)
	p, err := s.PrunableEvents(t.Context(), before)
	must(t, err)
	if p.Events != 3 {
		t.Errorf("%d of 5 events can go", p.Events)
	}
	n, err := s.PruneEvents(t.Context(), operator, before)
	must(t, err)
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if n != 3 || r.Fault != nil || r.Events != 3 {
		t.Errorf("%d went, and left %+v", n, r)
	}
}

// TestAhead tells what lies in the future, and nothing else.
func TestAhead(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	onlineRequest(t, s, d)
	newJob(t, s, c.now().AddDate(1, 0, 0), "", false) // that it will run is no secret
	must(t, s.ReportServer(t.Context(), Server{Host: "a", PID: 1}))
	if found := all(t, s.FutureTimes(t.Context())); found != nil {
		t.Errorf("with the right clock: %v", found)
	}
	c.move(-time.Hour)
	var objects []string
	for _, f := range all(t, s.FutureTimes(t.Context())) {
		objects = append(objects, f.Object)
		if !strings.Contains(f.Text, "2026-07-01T12:00:00Z") {
			t.Errorf("%s: %s", f.Object, f.Text)
		}
	}
	if got := strings.Join(objects, ", "); got != "events, devices, requests, requests to the online CA, jobs, reports of serve" {
		t.Errorf("in the future are %s", got)
	}
}
