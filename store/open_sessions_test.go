package store

import (
	"slices"
	"testing"
)

// TestOpenSessions: what a serve has written of its sessions is there until it says
// that they have ended, or withdraws its report, or another one finds it dead.
func TestOpenSessions(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	numbers := func(f SessionFilter) (list []int64) {
		t.Helper()
		open, err := s.OpenSessions(t.Context(), f)
		must(t, err)
		for _, v := range open {
			list = append(list, v.Number)
		}
		return list
	}
	want := func(f SessionFilter, want ...int64) {
		t.Helper()
		if got := numbers(f); !slices.Equal(got, want) {
			t.Errorf("there are %v, not %v", got, want)
		}
	}
	one := OpenSession{Number: 1, Device: "SEP000000000001", Address: "192.0.2.1", State: AwaitKey, TLS: "TLS 1.2", Since: start, StateSince: start}
	two := OpenSession{Number: 2, Address: "192.0.2.2", State: SessionIdle, Since: start, StateSince: start}
	must(t, s.ReportServer(t.Context(), Server{Host: "a", PID: 1}))
	events(t, s, 0, func() { must(t, s.ReportSessions(t.Context(), "a", 1, []OpenSession{one, two}, nil)) })
	want(SessionFilter{}, 1, 2)
	want(SessionFilter{Device: "sep*"}, 1)
	want(SessionFilter{State: SessionIdle}, 2)
	one.State = AwaitCA
	must(t, s.ReportSessions(t.Context(), "a", 1, []OpenSession{one}, []int64{2}))
	want(SessionFilter{State: AwaitCA}, 1)

	e := events(t, s, 1, func() {
		must(t, s.EndSession(t.Context(), operator, 1))
		must(t, s.EndSession(t.Context(), operator, 1))
	})
	if e.Action != "session-end" || e.Device != one.Device || e.Detail != "the session from 192.0.2.1 in state AWAIT CA RESP" {
		t.Errorf("the event is %+v", e)
	}
	wantErr(t, s.EndSession(t.Context(), operator, 2), ErrNotFound)
	end, err := s.SessionsToEnd(t.Context(), "a", 1)
	if err != nil || !slices.Equal(end, []int64{1}) {
		t.Errorf("%v are to end, %v", end, err)
	}
	// A report that comes later does not take the wish back.
	must(t, s.ReportSessions(t.Context(), "a", 1, []OpenSession{one}, nil))
	if v, err := s.OpenSession(t.Context(), 1); err != nil || !v.EndAsked.Equal(start) {
		t.Errorf("%+v, %v", v, err)
	}

	must(t, s.ReportSessions(t.Context(), "b", 7, []OpenSession{two}, nil)) // of a serve without a report
	must(t, s.ForgetSessions(t.Context(), "c", 1))
	want(SessionFilter{}, 1)
	must(t, s.RemoveServer(t.Context(), 1, "a"))
	want(SessionFilter{})
}
