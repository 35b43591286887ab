package store

import (
	"errors"
	"sync"
	"testing"
)

// TestRehearsal comes to the same as the change itself, and leaves nothing, not
// even an event; nor does it undo a neighbour who changes something meanwhile.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	r, err := s.SubmitRequest(t.Context(), phone(d.Name), request(d))
	must(t, err)
	before := len(all(t, s.Events(t.Context(), EventFilter{})))

	dry := s.Rehearsal()
	for range 2 { // an earlier rehearsal has no effect on a later one
		if n, err := dry.DeleteRequests(t.Context(), operator, []int64{r.ID}); n != 1 || err != nil {
			t.Errorf("%d would be deleted, %v", n, err)
		}
		if err := dry.DeleteDevice(t.Context(), operator, d.Name); err != nil {
			t.Error(err)
		}
	}
	if _, err := dry.DeleteRequests(t.Context(), operator, []int64{r.ID, 99}); !errors.Is(err, ErrNotFound) {
		t.Errorf("the error is %v", err)
	}
	if _, err := dry.AddDevice(t.Context(), operator, d); !errors.Is(err, ErrConflict) {
		t.Errorf("the error is %v", err)
	}

	var together sync.WaitGroup
	for range 20 {
		together.Go(func() {
			if err := dry.DeleteDevice(t.Context(), operator, d.Name); err != nil {
				t.Error(err)
			}
		})
		together.Go(func() {
			if err := s.AddEvent(t.Context(), Event{Actor: operator, Action: "neighbour"}); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	if got := len(all(t, s.Events(t.Context(), EventFilter{}))); got != before+20 {
		t.Errorf("%d events became %d", before, got)
	}
	if _, err := s.Device(t.Context(), d.Name); err != nil {
		t.Error(err)
	}
	if report, err := s.VerifyEvents(t.Context(), nil); err != nil || report.Fault != nil {
		t.Errorf("the record: %+v, %v", report, err)
	}
}

// TestRehearsalInPortions ends although nothing of a portion goes.
func TestRehearsalInPortions(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	err := s.change(t.Context(), func(t *tx) error {
		for id := range int64(2*portion + 1) {
			if _, err := t.exec(`INSERT INTO jobs (id, kind, state, run_at, selection, edit, apply_config, actor_kind, actor_name,
				address, terminal, command, created_at, ended_at) VALUES (?, 'bulk-update', 'done', 1, '{}', '{}', 0, 'operator', 'olga', '', '', '', 1, 1)`, id+1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rehearsal().DeleteJobsBefore(t.Context(), operator, c.now()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.DeleteJobsBefore(t.Context(), operator, c.now()); n != 2*portion+1 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
}
