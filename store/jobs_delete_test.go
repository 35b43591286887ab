package store

import (
	"testing"
	"time"
)

// TestDeleteJobs has more results than go in one transaction.
func TestDeleteJobs(t *testing.T) {
	t.Parallel()
	s, clock := newStore(t)
	ended := func(devices int) Job {
		t.Helper()
		j, err := s.AddJob(t.Context(), Job{Kind: BulkUpdate, Actor: operator, Owner: "test"})
		must(t, err)
		page := make([]deviceOutcome, devices)
		for i := range page {
			page[i] = deviceOutcome{device: "SEP" + decimal(100000000000+int64(i)), change: refused}
		}
		must(t, s.change(t.Context(), func(tx *tx) error { return keepOutcomes(tx, j.ID, page, CommandNone) }))
		must(t, s.EndJob(t.Context(), operator, j.ID, "test", JobEnd{State: JobFailed, Detail: "no"}))
		return j
	}
	old, kept, second := ended(portion+10), ended(3), ended(1)
	clock.move(time.Hour)
	fresh := ended(2)
	waiting, err := s.AddJob(t.Context(), Job{Kind: BulkUpdate, Actor: operator})
	must(t, err)

	_, err = s.DeleteJobs(t.Context(), operator, []int64{old.ID, waiting.ID})
	wantErr(t, err, ErrConflict)
	_, err = s.DeleteJobs(t.Context(), operator, []int64{old.ID, 99})
	wantErr(t, err, ErrNotFound)
	// A number that is given twice is one job.
	n, err := s.DeleteJobs(t.Context(), operator, []int64{old.ID, second.ID, old.ID})
	must(t, err)
	before, err := s.DeleteJobsBefore(t.Context(), operator, s.options.Now())
	must(t, err)
	if n != 2 || before != 1 {
		t.Errorf("%d and %d jobs were deleted", n, before)
	}
	for j, want := range map[int64]int{old.ID: 0, second.ID: 0, kept.ID: 0, fresh.ID: 2} {
		results, err := collect(s.JobDevices(t.Context(), j))
		must(t, err)
		if len(results) != want {
			t.Errorf("job %d has %d results, not %d", j, len(results), want)
		}
	}
	if n, err := s.CountJobs(t.Context(), JobFilter{}); n != 2 || err != nil {
		t.Errorf("%d jobs are left: %v", n, err)
	}
}
