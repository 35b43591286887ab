package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/internal/apperr"
	"capf/internal/document"
)

func deviceApplyCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "apply", Args: "FILE.csv|FILE.yaml", Short: "make devices as a file describes them",
		Role: cmdline.Operator,
		About: `For a job that keeps the devices as a file says: the same line again changes
nothing. The file is CSV or JSON as for bulk insert, with the same flags for files of others,
or YAML:

  version: 1
  devices:
    - name: SEP001122334455
      description: front desk
      pool: Berlin
      operation: install

FILE - is stdin. What is not as described is a line on stdout: + is added, ~ changed,
- deleted. Attributes that are not named, or empty, stay as they are; in YAML, "" removes
a description, model or pool. Devices that are not described stay, or are deleted with
--prune. Everything is changed, or nothing, and all problems are listed. --dry-run exits with 0 if nothing would change, and with 6 if
something would.

An operation says how the phone should be in the end: install, with an LSC that has not
expired; delete, without one. It is scheduled while that is not so, and never again
after. none cancels what is scheduled; troubleshoot is refused. The time in completes_by
is for what is scheduled.`,
		Example: "capf device apply phones.csv --dry-run",
		Output:  cmdline.Object,
		Flags:   append(applyFlags("delete devices that are not described"), readingFlags()...),
		Run: func(c *cli.Context) error {
			reading, err := readingOf(c)
			if err != nil {
				return err
			}
			return deviceApply(c.Context, env, c.Args().First(), reading, applyChoice(c))
		},
	}
}

func deviceApply(ctx context.Context, env *Env, file string, reading bulk.Reading, o applyOptions) error {
	data, err := env.readInput(file, bulk.CSVLimit)
	if err != nil {
		return err
	}
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	p := env.progress()
	agreed := agreement{applyOptions: o, what: "the devices"}
	done, err := bulk.Apply(ctx, r, env.actor(), data, bulk.ApplyOptions{
		Reading: reading, Prune: o.prune,
		Progress: func(done, all int) { p.Show("looking at %d of %s", done, counted(all, "device")) },
		Agree: func(plan bulk.Applied) error {
			p.End()
			if !agreed.said {
				sayIgnored(env, plan.Ignored)
			}
			a := appliedDevices(plan, o.dryRun)
			return agreed.ask(env, a, "delete %s", counted(a.Removes, "device"))
		},
	})
	p.End()
	var problems document.Problems
	switch {
	case errors.As(err, &problems):
		return sayProblems(env, file, problems)
	case errors.Is(err, apperr.ErrRefused):
		return apperr.WithHint(fmt.Errorf("device apply: %s: %w", files.InputName(file), err), "%s", hint(err))
	case err != nil:
		return fmt.Errorf("device apply: %w", err)
	}
	if !agreed.said {
		sayIgnored(env, done.Ignored)
	}
	if done.Kept > 0 {
		env.say("kept: %s not described, and would be deleted with --prune", areOrIs(done.Kept, "device"))
	}
	return appliedDevices(done, o.dryRun).conclude(env, agreed.shown(env), "device")
}

// timeOrNone is a value of a device as difference has it: a time in UTC, as it is the
// same in every document.
func timeOrNone(v any) any {
	if t, is := v.(time.Time); is {
		return term.Timestamp(t)
	}
	return v
}

// appliedDevices is what was applied, for the operator's eyes.
func appliedDevices(done bulk.Applied, dryRun bool) applied {
	a := applied{DryRun: dryRun, Same: done.Same, Impact: done.Impact, Warnings: done.Warnings}
	for _, c := range done.Changes {
		d := difference{Change: changes, Name: c.Name}
		switch {
		case c.Added:
			d.Change = adds
		case c.Removed:
			d.Change = removes
		}
		for _, one := range c.Attributes {
			d.Attributes = append(d.Attributes, attribute{one.Name, timeOrNone(one.From), timeOrNone(one.To)})
		}
		a.add(d)
	}
	return a
}
