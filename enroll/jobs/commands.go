package jobs

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"capf/internal/program"
	"capf/store"
)

// runCommands runs the command for each device of the job that is due, several
// concurrently, until none is left or ctx ends. The result of each is stored with
// the job; the error is one that ended them all.
func (x *Runner) runCommands(ctx context.Context, j store.Job) error {
	counts, err := x.Rules.Store.CommandCounts(ctx, j.ID)
	if err != nil {
		return err
	}
	all := counts[store.CommandDue]
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var workers sync.WaitGroup
	var ended atomic.Int64
	for range min(int64(x.Commands), all) {
		workers.Go(func() {
			if err := x.runEach(ctx, j.ID, &ended, all); err != nil {
				stop(err)
			}
		})
	}
	workers.Wait()
	err = context.Cause(ctx)
	if errors.Is(err, store.ErrConflict) {
		return nil // told to stop; run reports that
	}
	return err
}

// runEach runs commands one after the other.
func (x *Runner) runEach(ctx context.Context, id int64, ended *atomic.Int64, all int64) error {
	for ctx.Err() == nil {
		device, left, err := x.Rules.Store.NextCommand(ctx, id, x.Owner)
		switch {
		case err != nil:
			return err
		case device == "" && left == 0:
			return nil
		case device == "": // another job runs commands for those that are left
			select {
			case <-ctx.Done():
			case <-time.After(x.Poll):
			}
			continue
		}
		result, err := x.runFor(ctx, device)
		if err != nil {
			return err
		}
		if err := x.Rules.Store.EndCommand(context.WithoutCancel(ctx), id, result); err != nil {
			return err
		}
		if n := ended.Add(1); x.Progress != nil {
			x.Progress(n, all)
		}
	}
	return nil
}

// runFor runs the command for one device.
func (x *Runner) runFor(ctx context.Context, device string) (store.JobDevice, error) {
	d := store.JobDevice{Device: device, Command: store.CommandFailed, ExitCode: -1}
	settings, err := x.Rules.Settings(context.WithoutCancel(ctx))
	if err != nil {
		return d, err
	}
	line, err := settings.CommandFor(device)
	switch {
	case err != nil:
		d.Output = err.Error()
		return d, nil
	case len(line) == 0:
		d.Output = "no apply_config_command is set"
		return d, nil
	}
	limit, cancel := x.commandTime(ctx)
	defer cancel(nil)
	out, err := program.Run(limit, line, []string{"CAPF_DEVICE=" + device}, nil)
	d.Output = program.LastLine(out)
	var exit *exec.ExitError
	switch {
	case err == nil:
		d.Command, d.ExitCode = store.CommandDone, 0
	case errors.Is(context.Cause(limit), errStopped):
		d.Command, d.Output = store.CommandInterrupted, errStopped.Error()
	case errors.Is(limit.Err(), context.DeadlineExceeded):
		d.Output = fmt.Sprintf("it took longer than %v and was ended", x.CommandTime)
	case errors.As(err, &exit):
		d.ExitCode = exit.ExitCode()
		if d.ExitCode < 0 {
			d.Output = exit.String()
		}
	default:
		d.Output = fmt.Sprintf("it could not be run: %v", program.Reason(err))
	}
	return d, nil
}

// commandTime bounds the time of one command: by its own limit and, when capf
// stops, by the grace time.
func (x *Runner) commandTime(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	limit, release := context.WithTimeout(context.WithoutCancel(ctx), x.CommandTime)
	limit, cancel := context.WithCancelCause(limit)
	undo := context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), errCancel) {
			return // start no more commands, but let running ones end
		}
		select {
		case <-limit.Done():
		case <-time.After(x.Grace):
			cancel(errStopped)
		}
	})
	return limit, func(cause error) { undo(); cancel(cause); release() }
}
