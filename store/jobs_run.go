package store

import (
	"context"
	"errors"
	"strconv"

	"capf/internal/plural"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// ClaimJob gives the owner the next job to run: an abandoned one, or a
// waiting one whose time has come. Commands that a dead owner had begun are
// marked as interrupted. ErrNotFound: there is no job; in that case it only
// reads.
func (s *Store) ClaimJob(ctx context.Context, owner string) (Job, error) {
	const next = ` FROM jobs WHERE ` + isOpen + ` AND (state = 'waiting' AND run_at <= ? OR state = 'running' AND ` + isAbandoned + `)
		ORDER BY state, run_at, id LIMIT 1`
	now := s.options.Now()
	var id int64
	err := s.point(ctx, "SELECT id"+next, append([]any{millis(now)}, abandonedAt(now)...), &id)
	if err != nil {
		return Job{}, failed(err, "looking for a job")
	}
	var j Job
	err = s.change(ctx, func(t *tx) error {
		err := t.row("SELECT "+jobColumns+next, append([]any{millis(t.now)}, abandonedAt(t.now)...)...).Scan(j.fields()...)
		if err != nil {
			return err
		}
		if j.StartedAt.IsZero() {
			j.StartedAt = t.now
		}
		j.State, j.Owner, j.SeenAt = JobRunning, owner, t.now
		_, err = t.exec("UPDATE jobs SET state = 'running', owner = ?, seen_at = ?, started_at = ? WHERE id = ?",
			owner, millis(t.now), millis(j.StartedAt), j.ID)
		if err != nil {
			return err
		}
		return interruptCommands(t, j.ID, diedRunning)
	})
	if err != nil {
		return Job{}, failed(err, "taking a job")
	}
	return j, nil
}

// owned is the condition by which a statement applies only to the owner's
// job.
const owned = "id = ? AND owner = ? AND state = 'running'"

// TouchJob renews the lease, and reports whether an operator wants the job to
// stop. ErrConflict: another process has taken it.
func (s *Store) TouchJob(ctx context.Context, id int64, owner string) (cancel bool, err error) {
	err = s.change(ctx, func(t *tx) error {
		err := t.row("UPDATE jobs SET seen_at = ? WHERE "+owned+" RETURNING cancel", millis(t.now), id, owner).Scan(&cancel)
		return lost(err)
	})
	return cancel, failed(err, "keeping job %d", id)
}

func lost(err error) error {
	if errors.Is(err, ErrNotFound) {
		return conflict("another process has taken the job")
	}
	return err
}

// ReleaseJob releases the lease, so that the next process that looks for a job
// can take this one at once.
func (s *Store) ReleaseJob(ctx context.Context, id int64, owner string) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE jobs SET seen_at = 0, owner = '' WHERE "+owned, id, owner)
		return err
	})
	return failed(err, "giving up job %d", id)
}

// UpdateByJob changes the devices of the selection for a running job, in one
// transaction with the job's results, and therefore exactly once.
// ErrConflict: it has been done, the job should stop, or another process has
// taken it.
func (s *Store) UpdateByJob(ctx context.Context, a Actor, id int64, owner string, f Selection, e BulkEdit) (n BulkTally, err error) {
	var refusal error
	err = s.changeOnce(ctx, func(t *tx) (err error) {
		n, err = updateByJob(t, s, a, id, owner, f, e, &refusal)
		return err
	})
	if refusal != nil {
		return n, refusal
	}
	return n, failed(err, "changing the devices of job %d", id)
}

// RehearseUpdate is AddJob, for a job with an owner, and its UpdateByJob in one
// transaction that is undone.
func (s *Store) RehearseUpdate(ctx context.Context, j Job, f Selection, e BulkEdit) (n BulkTally, err error) {
	var refusal error
	err = s.Rehearsal().changeOnce(ctx, func(t *tx) error {
		err := addJob(t, &j)
		if err == nil {
			n, err = updateByJob(t, s, j.Actor, j.ID, j.Owner, f, e, &refusal)
		}
		return err
	})
	if refusal != nil {
		return n, refusal
	}
	return n, failed(err, "rehearsing the change of the devices")
}

// updateByJob keeps the error of Ready apart, since it is returned
// unchanged.
func updateByJob(t *tx, s *Store, a Actor, id int64, owner string, f Selection, e BulkEdit, refusal *error) (n BulkTally, err error) {
	command := CommandNone
	var due bool
	err = t.row("UPDATE jobs SET updated_at = ? WHERE "+owned+" AND updated_at = 0 AND cancel = 0 RETURNING apply_config",
		millis(t.now), id, owner).Scan(&due)
	if err != nil {
		return n, lost(err)
	}
	if due {
		command = CommandDue
	}
	// Refusals of an earlier attempt, whose process died before it ended the job.
	if _, err := t.exec("DELETE FROM job_devices WHERE job_id = ?", id); err != nil {
		return n, err
	}
	if e.Rate != nil {
		left, err := renewalsLeft(t, *e.Rate)
		if err != nil {
			return n, err
		}
		f.Limit = min(f.Limit, left)
	}
	if e.Rate == nil || f.Limit > 0 {
		n, err = changeSelected(t, s, a, f, e, func(page []deviceOutcome) error { return keepOutcomes(t, id, page, command) })
		if err != nil {
			return n, err
		}
	}
	if *refusal = e.Ready(n); *refusal != nil {
		return n, *refusal
	}
	_, err = t.exec("UPDATE jobs SET selected = ?, changed = ?, refused = ? WHERE id = ?", n.Selected, n.Changed, n.Refused, id)
	if err != nil {
		return n, err
	}
	return n, t.event(a, "", EventText{Action: e.Event.Action, Detail: "job " + decimal(id) + ": " + decimal(n.Changed) + " of " + plural.Of(n.Selected, "device") + " " + e.done()})
}

// done is what happened to the devices.
func (e BulkEdit) done() string {
	if e.Delete != nil {
		return "deleted"
	}
	return "changed"
}

func keepOutcomes(t *tx, id int64, page []deviceOutcome, command CommandState) error {
	rows, err := table(page, func(o deviceOutcome) []any {
		state := CommandNone
		if o.change == changed {
			state = command
		}
		return []any{o.device, o.change, o.reason, state}
	})
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO job_devices (job_id, device, change, reason, apply)
		SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`, id, rows)
	return err
}

// JobEnd is how a job ended.
type JobEnd struct {
	State    JobState
	Detail   string      // in one line
	Refusals []JobDevice // why it changed nothing, device by device
	Gone     []JobDevice // what else it did not find
}

// EndJob ends a running job. Commands that have not begun are cancelled with
// it, and those whose end could not be recorded are interrupted.
// ErrConflict: another process has taken it.
func (s *Store) EndJob(ctx context.Context, a Actor, id int64, owner string, e JobEnd) error {
	err := s.change(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE jobs SET state = ?, ended_at = ?, detail = ? WHERE "+owned, string(e.State), millis(t.now), e.Detail, id, owner)
		if err != nil {
			return err
		}
		if n == 0 {
			return lost(ErrNotFound)
		}
		if err := endCommands(t, id, "how it ended could not be written down"); err != nil {
			return err
		}
		if err := keepRefusals(t, id, e.Refusals); err != nil {
			return err
		}
		if err := keepGone(t, id, e.Gone); err != nil {
			return err
		}
		outcome := "ok"
		if e.State != JobDone {
			outcome = string(e.State)
		}
		return t.event(a, "", EventText{Action: "job-end", Outcome: outcome, Detail: "job " + decimal(id) + ": " + e.Detail})
	})
	return failed(err, "ending job %d", id)
}

func keepRefusals(t *tx, id int64, refusals []JobDevice) error {
	if len(refusals) == 0 {
		return nil
	}
	if _, err := t.exec("DELETE FROM job_devices WHERE job_id = ?", id); err != nil {
		return err // those of an earlier attempt
	}
	page := make([]deviceOutcome, len(refusals))
	for i, d := range refusals {
		page[i] = deviceOutcome{d.Device, refused, d.Reason}
	}
	return keepOutcomes(t, id, page, CommandNone)
}

// keepGone leaves alone what the job has done to a device that has gone since.
func keepGone(t *tx, id int64, gone []JobDevice) error {
	rows, err := table(gone, func(d JobDevice) []any { return []any{d.Device, d.Reason} })
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO job_devices (job_id, device, change, reason, apply)
		SELECT ?, value ->> 0, 'refused', value ->> 1, 'none' FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`, id, rows)
	return err
}
