package commands

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/jobs"
	"capf/enroll/liveness"
	"capf/internal/apperr"
	"capf/store"
)

// bulkJob is one change of many devices, as every verb of bulk takes it that makes a job.
type bulkJob struct {
	update      bulk.Update
	at          *time.Time // nil for immediately
	yes, dryRun bool
}

// bulkJobChoice reads which devices change, when, and how sure the operator is.
func bulkJobChoice(env *Env, c *cli.Context) (j bulkJob, err error) {
	if j.update.Selection, err = wholeSelection(env, c); err != nil {
		return j, err
	}
	if j.at, err = optional(c, "at", env.deadline); err != nil {
		return j, err
	}
	if j.yes, j.dryRun = c.Bool("yes"), c.Bool("dry-run"); j.dryRun && j.at != nil {
		return j, apperr.Usage("--dry-run and --at exclude each other")
	}
	return j, nil
}

func atFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "at", Usage: usage + " at the `TIME`: 2027:01:31:18:00, RFC 3339, +12h"}
}

// bulkLater makes a job of the change, for the time that was asked for.
func bulkLater(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions, n int64) error {
	what := "a change"
	switch o.update.Kind() {
	case store.BulkDelete:
		what = "the deletion"
	case store.BulkMigrate:
		what = "the departure"
	}
	if err := consentOr(env, "add --yes; capf bulk select shows the devices", o.yes, "schedule %s of %s, as selected now", what, counted(n, "device")); err != nil {
		return err
	}
	j, err := jobs.Schedule(ctx, r, env.actor(), o.update, *o.at)
	if err != nil {
		return err
	}
	env.say("job %d runs at %s; the selection is %s now", j.ID, term.Cell(term.WithZone(j.RunAt)), counted(n, "device"))
	living := func(v store.Server) bool { return liveness.Alive(v, env.Now()) }
	if servers, err := r.Store.Servers(ctx); err == nil && !slices.ContainsFunc(servers, living) {
		env.say("warning: no capf serve is running to carry it out; capf job run-due does so too")
	}
	if o.generate {
		return flushSecret(env, showString(env, *o.update.Edit.String), "capf job cancel %d, and once more", j.ID)
	}
	return showMadeJob(env, j)
}

// rehearseJob does all of it in a transaction that is undone.
func rehearseJob(ctx context.Context, env *Env, r *devices.Rules, u bulk.Update) (store.BulkTally, error) {
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return store.BulkTally{}, err
	}
	defer end()
	return runner.Rehearse(ctx, env.actor(), u)
}

// showRehearsed lists the devices of a job that was rehearsed, and returns ErrPartly if it
// would skip any.
func showRehearsed(ctx context.Context, env *Env, r *devices.Rules, sel bulk.Selection, n store.BulkTally) error {
	selected, err := bulk.Select(ctx, r, sel)
	if err != nil {
		return err
	}
	if err := showList(env, selected, selectedColumns, ""); err != nil {
		return err
	}
	return wouldSkip(n)
}

// wouldSkip is the result of a rehearsal with devices for which a rule forbids the change.
func wouldSkip(n store.BulkTally) error {
	if n.Refused == 0 {
		return nil
	}
	return apperr.New(apperr.ErrPartly, "%s of %d would be skipped", counted(n.Refused, "device"), n.Selected)
}

// showMadeJob prints the job of an update to programs: its numbers were said.
func showMadeJob(env *Env, j store.Job) error {
	switch env.Format {
	case term.JSON:
		return showObject(env, jobFields(j))
	case term.CSV:
		return showList(env, values([]store.Job{j}), jobColumns, "")
	}
	return nil
}

// showNoJob is showMadeJob for an update that would have changed no device.
func showNoJob(env *Env) error {
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "id", nil}, {"", "selected", 0}, {"", "changed", 0}, {"", "refused", 0}})
}
