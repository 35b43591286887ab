package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/backoff"
	"capf/internal/plural"
	"capf/store"
)

// Runner runs jobs. Zero durations and numbers mean the defaults.
type Runner struct {
	Rules *devices.Rules // with the master key
	Log   *slog.Logger
	// Owner identifies the process; it must be unique among those that work on
	// one database. NewOwner makes one.
	Owner string
	// Poll is the interval of looking for a job; 1 s.
	Poll time.Duration
	// Renew is the interval of looking for LSCs that are due for renewal; 5
	// minutes. RenewAtOnce is how many are scheduled within that time at most, by
	// all processes together; 300, which is one phone a second.
	Renew       time.Duration
	RenewAtOnce int
	// Commands is how many commands run at the same time; 8. CommandTime is how
	// long one may take; 30 s. Grace is how long running commands may go on at
	// a stop; 5 s.
	Commands    int
	CommandTime time.Duration
	Grace       time.Duration
	// Changing is called with the number of devices of an update changed so
	// far, and Progress with the number of commands ended; both may be nil.
	Changing func(done int64)
	Progress func(ended, all int64)

	atOnce bool // a caller waits for the running job
}

// NewOwner returns an Owner for this process.
func NewOwner(r *devices.Rules) (string, error) {
	s, err := r.NewString()
	host, _ := os.Hostname() // "" when the system has no name
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), s), err
}

func (x Runner) withDefaults() *Runner {
	x.Poll = cmp.Or(x.Poll, time.Second)
	x.Renew = cmp.Or(x.Renew, 5*time.Minute)
	x.RenewAtOnce = cmp.Or(x.RenewAtOnce, 300)
	x.Commands = cmp.Or(x.Commands, 8)
	x.CommandTime = cmp.Or(x.CommandTime, 30*time.Second)
	x.Grace = cmp.Or(x.Grace, 5*time.Second)
	if x.Log == nil {
		x.Log = slog.New(slog.DiscardHandler)
	}
	return &x
}

// Run runs jobs as their times come, and schedules renewals, until ctx ends;
// then it returns nil. What fails is logged and tried again.
func (x Runner) Run(ctx context.Context) error {
	r := x.withDefaults()
	var look time.Time // for what is due for renewal
	failures := backoff.Backoff{Log: r.Log, Doing: "running jobs", First: r.Poll}
	failures.Repeat(ctx, r.Poll, func(ctx context.Context) error {
		_, err := r.due(ctx)
		if err == nil && !time.Now().Before(look) {
			var again time.Duration
			_, again, err = r.renew(ctx)
			look = time.Now().Add(again)
		}
		return err
	})
	return nil
}

// RunDue runs the jobs that are due, and what is due for renewal, and returns
// them as they ended.
func (x Runner) RunDue(ctx context.Context) ([]store.Job, error) {
	r := x.withDefaults()
	jobs, err := r.due(ctx)
	if err != nil {
		return jobs, err
	}
	renewal, _, err := r.renew(ctx)
	if renewal != nil {
		jobs = append(jobs, *renewal)
	}
	return jobs, err
}

// immediate is what the process that asked for a job already has, so that it
// need not be read back.
type immediate struct {
	update  bulk.Update
	strings devices.Strings // nil when no caller wants them
}

// RunNow carries out an update at once, as a job that this process runs. The
// job is returned as it ended, however that was; the error of an update that
// was refused as a whole is returned too. When ctx ends before the devices are
// changed, the job is cancelled; when it ends later, another runner carries on.
func (x Runner) RunNow(ctx context.Context, actor store.Actor, u bulk.Update, out devices.Strings) (store.Job, error) {
	r := x.withDefaults()
	r.atOnce = true
	return r.begin(ctx, actor, store.BulkUpdate, immediate{u, out})
}

// begin adds a job in the state running, and runs it.
func (x *Runner) begin(ctx context.Context, actor store.Actor, kind store.JobKind, now immediate) (store.Job, error) {
	if err := now.update.Check(ctx, x.Rules); err != nil {
		return store.Job{}, err
	}
	j, err := newJob(x.Rules, actor, kind, now.update)
	if err != nil {
		return j, err
	}
	j.Owner = x.Owner
	if j, err = x.Rules.Store.AddJob(ctx, j); err != nil {
		return j, err
	}
	return x.run(ctx, j, &now)
}

// Rehearse finds out what RunNow would do: it makes the same checks and the
// same change, which is undone. The error is the one with which RunNow would
// refuse; when devices are the reason, the tally counts them.
func (x Runner) Rehearse(ctx context.Context, actor store.Actor, u bulk.Update) (store.BulkTally, error) {
	if err := u.Check(ctx, x.Rules); err != nil {
		return store.BulkTally{}, err
	}
	j, err := newJob(x.Rules, actor, store.BulkUpdate, u)
	if err != nil {
		return store.BulkTally{}, err
	}
	j.Owner = x.Owner
	c, err := u.Begin(ctx, x.Rules, nil, x.Changing)
	if err != nil {
		return store.BulkTally{}, err
	}
	return x.Rules.Store.RehearseUpdate(ctx, j, c.Selection, c.BulkEdit(j.Kind, j.ID))
}

// due runs one job after the other until none is due.
func (x *Runner) due(ctx context.Context) (ended []store.Job, err error) {
	for ctx.Err() == nil {
		j, err := x.Rules.Store.ClaimJob(ctx, x.Owner)
		if errors.Is(err, store.ErrNotFound) {
			return ended, nil
		}
		if err != nil {
			return ended, err
		}
		x.Log.Info("job begins", "job", j.ID, "kind", j.Kind)
		j, err = x.run(ctx, j, nil)
		if err != nil && j.EndedAt.IsZero() {
			return ended, err
		}
		x.Log.Info("job ended", "job", j.ID, "state", j.State, "detail", j.Detail)
		ended = append(ended, j)
	}
	return ended, ctx.Err()
}

// Why a running job is interrupted.
var (
	errStopped = errors.New("capf is stopping")
	errCancel  = errors.New("an operator has cancelled the job")
	errTaken   = errors.New("another process has taken the job")
)

// run runs a job of which this process is the owner, to its end, or until the
// process is told to stop. What the job is comes from its row when now is nil.
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

// update changes the devices of a job. What was refused is part of the
// error.
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
	counts[store.CommandInterrupted] += counts[store.CommandRunning] // EndJob marks those as interrupted
	var e store.JobEnd
	e.State, e.Detail = outcome(now, counts)
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

// outcome returns the state of a completed job, and a line about it.
func outcome(j store.Job, applied map[store.CommandState]int64) (store.JobState, string) {
	state := store.JobDone
	detail := fmt.Sprintf("%d of %s changed", j.Changed, plural.Of(j.Selected, "device"))
	if j.Refused > 0 {
		state = store.JobPartly
		detail += fmt.Sprintf(", %d refused", j.Refused)
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
