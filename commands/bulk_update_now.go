package commands

import (
	"context"
	"errors"
	"fmt"

	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

func bulkNow(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions) error {
	out, err := newHandout(env, o)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return err
	}
	j, err := runner.RunNow(ctx, env.actor(), o.update, out.sink())
	end()
	if err != nil && j.UpdatedAt.IsZero() {
		return errors.Join(bulkRefused(ctx, env, r, j, err), out.discard())
	}
	env.warn(o.update.Edit.Warnings())
	if err != nil { // interrupted, but the strings are in force
		err = apperr.WithHint(fmt.Errorf("%w; the devices are changed, but the configuration is not applied to all of them", err),
			"the running serve, or capf job run-due, carries on; capf job cancel %d leaves out the rest", j.ID)
		return errors.Join(err, handOut(env, o, j, out))
	}
	env.say("job %d: %s", j.ID, j.Detail)
	out.sayWhere(o.handout)
	if err := handOut(env, o, j, out); err != nil {
		return err
	}
	if j.State != store.JobDone {
		return apperr.WithHint(fmt.Errorf("job %d: %w", j.ID, apperr.ErrPartly), "capf job show %d --problems lists the devices", j.ID)
	}
	return nil
}

// handOut prints the result at once. If strings in force could not be shown,
// because the terminal or the reader has gone, it says how to get them again.
func handOut(env *Env, o bulkUpdateOptions, j store.Job, out *uniqueStrings) error {
	err := bulkResult(env, o, j, out)
	switch {
	case o.generate:
		return flushSecret(env, err, "capf device show NAME --reveal shows the string of each device")
	case out.printed():
		return flushSecret(env, err, "capf job show %d --strings-file FILE writes them again", j.ID)
	}
	return err
}

// bulkResult prints the strings to hand out, or the job.
func bulkResult(env *Env, o bulkUpdateOptions, j store.Job, out *uniqueStrings) error {
	switch {
	case o.generate:
		return showString(env, *o.update.Edit.String)
	case out.printed():
		return showList(env, values(out.made), stringColumns, "no string was made")
	}
	return showMadeJob(env, j)
}

// bulkRefused lists the devices that kept the change from happening.
func bulkRefused(ctx context.Context, env *Env, r *devices.Rules, j store.Job, err error) error {
	if j.ID == 0 || !errors.Is(err, apperr.ErrRefused) {
		return err
	}
	return errors.Join(err, showList(env, r.Store.JobDevices(ctx, j.ID), refusalColumns, ""))
}

var refusalColumns = []column[store.JobDevice]{
	{"Device", "device", always, func(d store.JobDevice) any { return d.Device }},
	{"Why it cannot be changed", "reason", always, func(d store.JobDevice) any { return term.Message(d.Reason) }},
}
