package jobs

import (
	"context"
	"fmt"

	"capf/enroll/bulk"
	"capf/internal/plural"
	"capf/store"
)

// end records how the job ended.
func (x *Runner) end(ctx context.Context, j store.Job, reasons []store.JobDevice, err error) error {
	now, readErr := x.Rules.Store.Job(ctx, j.ID)
	if readErr != nil {
		return readErr
	}
	counts, countErr := x.Rules.Store.CommandCounts(ctx, j.ID)
	if countErr != nil {
		return countErr
	}
	left, leftErr := x.Rules.Store.CountNoted(ctx, j.ID, bulk.StringLeft)
	if leftErr != nil {
		return leftErr
	}
	counts[store.CommandInterrupted] += counts[store.CommandRunning] // EndJob marks those as interrupted
	var e store.JobEnd
	e.State, e.Detail = outcome(now, left, counts)
	if gone, goneErr := x.gone(ctx, now); goneErr != nil {
		return goneErr
	} else if len(gone) > 0 {
		e.State, e.Detail, e.Gone = store.JobPartly, fmt.Sprintf("%s, %s in the list without a device", e.Detail, plural.Of(len(gone), "name")), gone
	}
	switch unchanged := now.UpdatedAt.IsZero(); {
	case now.Cancel && (unchanged || counts[store.CommandDue] > 0):
		e.State, e.Detail = store.JobCancelled, "cancelled; "+e.Detail
	case err != nil && unchanged:
		e = store.JobEnd{State: store.JobFailed, Detail: err.Error(), Refusals: reasons}
	case err != nil:
		e.State, e.Detail = store.JobPartly, e.Detail+"; "+err.Error()
	}
	return x.Rules.Store.EndJob(ctx, j.Actor, j.ID, x.Owner, e)
}

// gone are the listed devices that there are no more when a job runs later. The operator
// of one that runs at once has been told, and what a job has deleted itself is not missed.
func (x *Runner) gone(ctx context.Context, j store.Job) ([]store.JobDevice, error) {
	if x.atOnce || j.Kind == store.BulkDelete {
		return nil, nil
	}
	u, err := Read(j)
	if err != nil || u.Selection.Names == nil {
		return nil, nil // what cannot be read has not run either
	}
	unknown, err := x.Rules.Store.UnknownNames(ctx, u.Selection.Names, false)
	var gone []store.JobDevice
	for _, name := range unknown {
		gone = append(gone, store.JobDevice{Device: name, Reason: "no device has this name"})
	}
	return gone, err
}

// outcome returns the state of a completed job, and a line about it.
func outcome(j store.Job, left int64, applied map[store.CommandState]int64) (store.JobState, string) {
	state := store.JobDone
	done := "changed"
	if j.Kind == store.BulkDelete {
		done = "deleted"
	}
	detail := fmt.Sprintf("%d of %s %s", j.Changed, plural.Of(j.Selected, "device"), done)
	if j.Refused > 0 {
		state = store.JobPartly
		detail += fmt.Sprintf(", %d refused", j.Refused)
	}
	if left > 0 {
		detail += fmt.Sprintf(", %s in force left alone", plural.Of(left, "string"))
	}
	if !j.ApplyConfig || j.Changed == 0 {
		return state, detail
	}
	detail += fmt.Sprintf(", configuration of %d applied", applied[store.CommandDone])
	for _, s := range []store.CommandState{store.CommandFailed, store.CommandInterrupted, store.CommandDue} {
		if applied[s] > 0 {
			state = store.JobPartly
			detail += fmt.Sprintf(", of %d %s", applied[s], map[store.CommandState]string{
				store.CommandFailed: "failed", store.CommandInterrupted: "interrupted", store.CommandDue: "not begun",
			}[s])
		}
	}
	return state, detail
}
