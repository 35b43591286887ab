package store

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// applying is a running job of the owner that has changed all devices and has
// begun the command for the first of them.
func applying(t *testing.T, s *Store, owner string) (j Job, device string) {
	t.Helper()
	j = newJob(t, s, start, owner, true)
	_, err := s.UpdateByJob(t.Context(), operator, j.ID, owner, Selection{}, bump(nil))
	must(t, err)
	device, _, err = s.NextCommand(t.Context(), j.ID, owner)
	must(t, err)
	return j, device
}

// commands is the state of each command of a job.
func commands(t *testing.T, s *Store, id int64) string {
	t.Helper()
	var states []string
	for _, d := range all(t, s.JobDevices(t.Context(), id)) {
		states = append(states, fmt.Sprintf("%s=%s", d.Device, d.Command))
	}
	return strings.Join(states, " ")
}

// TestAbandonedJob: a job whose process was killed keeps no other job waiting,
// and an operator can cancel and delete it, whatever the clock did.
func TestAbandonedJob(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]time.Duration{
		"later": JobLease + time.Millisecond, "after the clock has gone back": -time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := newStore(t)
			ctx := t.Context()
			addDevice(t, s, "SEP000000000001")
			dead, device := applying(t, s, "dead")
			next := newJob(t, s, start, "alive", true)
			_, err := s.UpdateByJob(ctx, operator, next.ID, "alive", Selection{}, bump(nil))
			must(t, err)
			if got, left, err := s.NextCommand(ctx, next.ID, "alive"); got != "" || left != 1 || err != nil {
				t.Fatalf("while the other one runs its command: %q, %d left: %v", got, left, err)
			}
			j, err := s.CancelJob(ctx, operator, next.ID)
			must(t, err)
			if j.State != JobRunning {
				t.Fatalf("a job that somebody runs was ended at once: %+v", j)
			}

			c.move(move)
			live := newJob(t, s, start, "living", true)
			_, err = s.UpdateByJob(ctx, operator, live.ID, "living", Selection{}, bump(nil))
			must(t, err)
			got, _, err := s.NextCommand(ctx, live.ID, "living")
			must(t, err)
			if got != device {
				t.Errorf("the device of a command that nobody runs is still waited for: %q", got)
			}
			if got := commands(t, s, dead.ID); got != device+"=interrupted" {
				t.Errorf("the commands of the abandoned job are %s", got)
			}
			if j, err = s.Job(ctx, dead.ID); err != nil || !j.Abandoned(c.now()) {
				t.Fatalf("the job is %+v: %v", j, err)
			}
			j, err = s.CancelJob(ctx, operator, dead.ID)
			must(t, err)
			if j.State != JobCancelled || j.EndedAt.IsZero() || !strings.Contains(j.Detail, "1 of 1 device changed") {
				t.Errorf("the cancelled job is %+v", j)
			}
			n, err := s.DeleteJobs(ctx, operator, []int64{dead.ID})
			if n != 1 || err != nil {
				t.Errorf("%d deleted: %v", n, err)
			}
			// The other one that died is carried on, by whoever looks next.
			if j, err = s.ClaimJob(ctx, "next"); err != nil || j.ID != next.ID {
				t.Errorf("the claimed job is %+v: %v", j, err)
			}
		})
	}
}

// TestResultThatWasNotKept: a job that ends although the result of a command
// could not be written leaves no command that looks as if it still ran.
func TestResultThatWasNotKept(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ctx := t.Context()
	addDevice(t, s, "SEP000000000001")
	j, device := applying(t, s, "a")
	must(t, s.EndJob(ctx, operator, j.ID, "a", JobEnd{State: JobPartly, Detail: "the database was locked"}))
	if got := commands(t, s, j.ID); got != device+"=interrupted" {
		t.Errorf("the commands of the ended job are %s", got)
	}
	// What an earlier version has left so holds up nobody either.
	must(t, s.change(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE job_devices SET apply = 'running', ended_at = 0 WHERE job_id = ?", j.ID)
		return err
	}))
	if _, got := applying(t, s, "b"); got != device {
		t.Errorf("the next job got the device %q", got)
	}
}

// TestRefusedAndDied: a refused job whose process died before it ended can be
// refused again, and end.
func TestRefusedAndDied(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	ctx := t.Context()
	d := addDevice(t, s, "SEP000000000001")
	j := newJob(t, s, start, "a", false)
	refusals := []JobDevice{{Device: d.Name, Reason: "forbidden"}}
	must(t, s.change(ctx, func(t *tx) error { return keepRefusals(t, j.ID, refusals) })) // as versions before did
	c.move(time.Hour)
	_, err := s.ClaimJob(ctx, "b")
	must(t, err)
	must(t, s.EndJob(ctx, operator, j.ID, "b", JobEnd{State: JobFailed, Detail: "refused", Refusals: refusals}))
	if got := all(t, s.JobDevices(ctx, j.ID)); len(got) != 1 || got[0].Reason != "forbidden" {
		t.Errorf("the refusals are %+v", got)
	}

	// And one that is not refused any more is carried out.
	j = newJob(t, s, start, "a", false)
	must(t, s.change(ctx, func(t *tx) error { return keepRefusals(t, j.ID, refusals) }))
	_, err = s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, bump(nil))
	must(t, err)
}

// TestLeaseDuringALongTransaction: while one transaction keeps the database to
// itself, nobody can show that he lives, and so nobody loses a job by it.
func TestLeaseDuringALongTransaction(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	ctx := t.Context()
	addDevice(t, s, "SEP000000000001")
	other := newJob(t, s, start, "other", false)
	j := newJob(t, s, start, "a", false)
	long := bump(func(BulkTally) error { c.move(10 * JobLease); return nil })
	_, err := s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, long)
	must(t, err)
	_, err = s.ClaimJob(ctx, "b")
	wantErr(t, err, ErrNotFound)
	must(t, s.Rehearsal().changeOnce(ctx, func(*tx) error { c.move(10 * JobLease); return nil }))
	_, err = s.ClaimJob(ctx, "b")
	wantErr(t, err, ErrNotFound)
	// It is no longer life than there was before.
	c.move(JobLease + time.Millisecond)
	first, err := s.ClaimJob(ctx, "b")
	must(t, err)
	second, err := s.ClaimJob(ctx, "b")
	must(t, err)
	if first.ID != other.ID || second.ID != j.ID {
		t.Errorf("claimed are the jobs %d and %d", first.ID, second.ID)
	}
}
