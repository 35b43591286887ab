package store

import (
	"context"
	"strings"
	"time"

	"capf/internal/plural"
)

// CancelJob ends a job that waits or whose process has died, and makes a
// running one end after its running commands. Its changes stay. ErrNotFound;
// ErrConflict: it has ended.
func (s *Store) CancelJob(ctx context.Context, a Actor, id int64) (Job, error) {
	var j Job
	err := s.change(ctx, func(t *tx) error {
		err := t.row("SELECT "+jobColumns+" FROM jobs WHERE id = ?", id).Scan(j.fields()...)
		if err != nil {
			return err
		}
		switch {
		case !j.EndedAt.IsZero():
			return conflict("it has ended already: %s", j.State.Long())
		case j.State == JobWaiting:
			j.State, j.EndedAt = JobCancelled, t.now
		case j.Abandoned(t.now):
			j.State, j.EndedAt = JobCancelled, t.now
			j.Detail = "cancelled; its process had died; " + decimal(j.Changed) + " of " + plural.Of(j.Selected, "device") + " changed"
			if err := endCommands(t, id, diedRunning); err != nil {
				return err
			}
		case j.Cancel:
			return nil
		}
		j.Cancel = true
		_, err = t.exec("UPDATE jobs SET state = ?, ended_at = ?, detail = ?, cancel = 1 WHERE id = ?",
			string(j.State), millis(j.EndedAt), j.Detail, id)
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "job-cancel", Detail: j.title()})
	})
	if err != nil {
		return Job{}, failed(err, "cancelling job %d", id)
	}
	return j, nil
}

// title names a job in the record.
func (j *Job) title() string {
	text := "job " + decimal(j.ID) + ": " + strings.ToLower(j.Kind.Long())
	if j.State == JobWaiting {
		text += " at " + j.RunAt.UTC().Format(time.RFC3339)
	}
	return text
}
