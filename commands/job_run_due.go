package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/internal/apperr"
	"capf/store"
)

func jobRunDueCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "run-due", Short: "run the jobs that are due, if no serve is running",
		Privilege: cmdline.OutsideShell,
		About: `It runs one job after the other, and schedules renewals that are due. A running
serve does both by itself; even so, no job can run twice.`,
		Example: "capf job run-due",
		Output:  cmdline.List, Columns: headings(jobColumns),
		Run: func(c *cli.Context) error { return jobRunDue(c.Context, env) },
	}
}

func jobRunDue(ctx context.Context, env *Env) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return err
	}
	jobs, err := runner.RunDue(ctx)
	end()
	if len(jobs) == 0 {
		env.say("no job is due")
	}
	if err := showOutcome(env, []field{{"", "run", len(jobs)}}, "jobs", jobs, jobColumns); err != nil {
		return err
	}
	for _, j := range jobs {
		if err == nil && j.State != store.JobDone {
			err = apperr.WithHint(fmt.Errorf("job %d: %w", j.ID, apperr.ErrPartly), "capf job show %d --problems lists the devices", j.ID)
		}
	}
	return err
}
