package commands

import (
	"context"
	"errors"
	"iter"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/jobs"
	"capf/internal/apperr"
	"capf/store"
)

type jobShowOptions struct {
	id       int64
	problems bool
	handout  handoutFiles
}

func jobShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "ID", Short: "show a job, with the result of each device",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `--strings-file writes the authentication strings that the job has made, as they
are now, to a new file that only you can read, and --sheet makes a page of them,
with a card for each to print and to cut up. That is recorded.`,
		Example: "capf job show 12 --problems",
		Output:  cmdline.List, Columns: headings(jobDeviceColumns),
		Raises: cmdline.RaisedBy(cmdline.Needs{Role: cmdline.Operator}, handoutFlags()),
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "problems", Usage: "only devices that were refused, or whose command failed"},
		}, handoutFlags()...),
		Run: func(c *cli.Context) error {
			id, err := jobID(c.Args().First())
			if err != nil {
				return err
			}
			return jobShow(c.Context, env, jobShowOptions{id, c.Bool("problems"), handoutChoice(c)})
		},
	}
}

func jobShow(ctx context.Context, env *Env, o jobShowOptions) error {
	open := env.openToAsk
	if o.handout.wanted() {
		open = env.openStore
	}
	s, err := open(ctx)
	if err != nil {
		return err
	}
	j, err := s.Job(ctx, o.id)
	if err != nil {
		return err
	}
	if o.handout.wanted() {
		return jobStrings(ctx, env, s, j, o.handout)
	}
	devices := s.JobDevices(ctx, o.id)
	if o.problems {
		devices = troubled(devices)
	}
	return showDocument(env, jobFields(j), "devices", devices, jobDeviceColumns)
}

// troubled leaves out the devices that went well.
func troubled(devices iter.Seq2[store.JobDevice, error]) iter.Seq2[store.JobDevice, error] {
	return func(yield func(store.JobDevice, error) bool) {
		for d, err := range devices {
			well := d.Change != "refused" && (d.Command == store.CommandNone || d.Command == store.CommandDone)
			if (err != nil || !well) && !yield(d, err) {
				return
			}
		}
	}
}

var jobDeviceColumns = []column[store.JobDevice]{
	{"Device", "device", always, func(d store.JobDevice) any { return d.Device }},
	{"Change", "change", usual, func(d store.JobDevice) any { return term.Message(d.Change) }},
	{"Reason", "reason", always, func(d store.JobDevice) any { return term.Message(d.Reason) }},
	{"Configuration", "apply", usual, func(d store.JobDevice) any { return d.Command }},
	{"Exit", "exit_code", usual, func(d store.JobDevice) any { return exitOf(d) }},
	{"Output", "output", seldom, func(d store.JobDevice) any { return d.Output }},
	{"Began", "started_at", wide, func(d store.JobDevice) any { return term.WithZone(d.StartedAt) }},
	{"Ended", "ended_at", wide, func(d store.JobDevice) any { return term.WithZone(d.EndedAt) }},
}

// exitOf is the exit code of a command that ended by itself.
func exitOf(d store.JobDevice) any {
	if d.EndedAt.IsZero() || d.ExitCode < 0 {
		return nil
	}
	return d.ExitCode
}

// jobStrings writes the strings that a job has made.
func jobStrings(ctx context.Context, env *Env, s *store.Store, j store.Job, to handoutFiles) error {
	u, err := jobs.Read(j)
	if err != nil {
		return err
	}
	if !u.Edit.UniqueString {
		return apperr.Refused("job %d makes no unique strings", j.ID)
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	out, err := newStrings(env, to)
	if err != nil {
		return err
	}
	n, left, err := jobs.RevealStrings(ctx, r, env.actor(), j, out)
	if err != nil {
		return errors.Join(err, out.discard())
	}
	if out.printed() {
		err = flushSecret(env, showList(env, values(out.made), stringColumns, "no string is left"), "capf job show %d --strings-file FILE writes them again", j.ID)
	} else {
		env.say("wrote the strings of %s to %s", counted(n, "device"), to.names())
	}
	if left > 0 {
		env.say("%s no longer have one", counted(left, "device"))
	}
	return err
}
