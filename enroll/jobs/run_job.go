package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"capf/store"
)

// Why a running job is interrupted.
var (
	errStopped = errors.New("capf is stopping")
	errCancel  = errors.New("an operator has cancelled the job")
	errTaken   = errors.New("another process has taken the job")
)

// run runs a job of which this process is the owner, to its end, or until the
// process is told to stop. When now is nil, the update is read back from its row.
func (x *Runner) run(ctx context.Context, j store.Job, now *immediate) (store.Job, error) {
	outer := ctx
	ctx, stop := context.WithCancelCause(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { x.beat(ctx, j.ID, stop) })
	refused, err := x.work(ctx, j, now)
	cause := context.Cause(ctx)
	stop(nil)
	beats.Wait()

	after := context.WithoutCancel(outer)
	switch {
	case errors.Is(cause, errTaken):
		now, readErr := x.Rules.Store.Job(after, j.ID)
		return now, errors.Join(fmt.Errorf("job %d: %w", j.ID, errTaken), readErr)
	case outer.Err() != nil && err != nil:
		return x.giveUp(after, j, errStopped)
	case errors.Is(err, store.ErrBusy): // which says nothing about the job
		return x.giveUp(after, j, err)
	}
	if endErr := x.end(after, j, refused, err); endErr != nil {
		return j, errors.Join(err, endErr)
	}
	ended, readErr := x.Rules.Store.Job(after, j.ID)
	if ended.State == store.JobCancelled {
		err = nil // of the interruption
	}
	return ended, errors.Join(err, readErr)
}

// giveUp leaves an unfinished job for the next runner, unless its operator
// waits for it and it has changed nothing yet.
func (x *Runner) giveUp(ctx context.Context, j store.Job, why error) (store.Job, error) {
	now, err := x.Rules.Store.Job(ctx, j.ID)
	switch {
	case err != nil:
	case x.atOnce && now.UpdatedAt.IsZero():
		err = x.Rules.Store.EndJob(ctx, j.Actor, j.ID, x.Owner,
			store.JobEnd{State: store.JobCancelled, Detail: "cancelled; broken off before a device was changed"})
	default:
		err = x.Rules.Store.ReleaseJob(ctx, j.ID, x.Owner)
	}
	return now, errors.Join(fmt.Errorf("job %d: %w", j.ID, why), err)
}

// beat renews the job's lease, and notices when the job should stop.
func (x *Runner) beat(ctx context.Context, id int64, stop context.CancelCauseFunc) {
	tick := time.NewTicker(store.JobLease / 4)
	defer tick.Stop()
	for {
		cancel, err := x.Rules.Store.TouchJob(ctx, id, x.Owner)
		switch {
		case errors.Is(err, store.ErrConflict):
			stop(errTaken)
			return
		case cancel:
			stop(errCancel)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// work does what is left of the job.
func (x *Runner) work(ctx context.Context, j store.Job, now *immediate) ([]store.JobDevice, error) {
	if j.UpdatedAt.IsZero() {
		refused, err := x.update(ctx, j, now)
		if err != nil {
			return refused, err
		}
	}
	if !j.ApplyConfig {
		return nil, nil
	}
	return nil, x.runCommands(ctx, j)
}

// update changes the devices of a job. It returns those that were refused, which
// the job keeps when there is an error.
func (x *Runner) update(ctx context.Context, j store.Job, now *immediate) ([]store.JobDevice, error) {
	if now == nil {
		u, err := load(x.Rules, j)
		if err != nil {
			return nil, err
		}
		now = &immediate{update: u}
	}
	c, err := now.update.Begin(ctx, x.Rules, now.strings, x.Changing)
	if err != nil {
		return nil, err
	}
	edit := c.BulkEdit(j.Kind, j.ID)
	if j.Kind == store.Renewal {
		edit.Rate = x.rate()
	}
	_, err = x.Rules.Store.UpdateByJob(ctx, j.Actor, j.ID, x.Owner, c.Selection, edit)
	return c.Refused, err
}
