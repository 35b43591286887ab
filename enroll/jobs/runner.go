package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/backoff"
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
	return r.begin(ctx, actor, u.Kind(), immediate{u, out})
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
	j, err := newJob(x.Rules, actor, u.Kind(), u)
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
