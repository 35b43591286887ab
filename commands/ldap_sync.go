package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/directory"
	"capf/internal/apperr"
	"capf/store"
)

type ldapSyncOptions struct {
	name    string
	handout handoutFiles
	directory.SyncOptions
}

func ldapSyncCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "sync", Args: "NAME", Short: "create devices for the people in a directory",
		Role: cmdline.Operator,
		About: `People who are new in the directory get a device, with the settings of the template
that its feature group names. Existing devices are not changed. A device that an
operator has deleted stays deleted while the directory names it. Devices whose
people have left the directory are marked as missing; if they are more than
--max-missing, nothing is done without --yes, and capf status reports it.
Everything is read and checked before anything is written: a sync that fails
changes nothing. Only devices with news are shown.`,
		Example: "capf ldap sync staff --dry-run",
		Output:  cmdline.List, Columns: headings(syncColumns),
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
			&cli.BoolFlag{Name: "partial", Usage: "skip entries that cannot become devices"},
			&cli.StringFlag{Name: "max-missing", Usage: "go on if up to this many devices are newly missing: a `NUMBER`, or a percentage of those named, at least 10 (default 20%)"},
			&cli.BoolFlag{Name: "yes", Usage: "go on even if more are missing"},
		}, handoutFlags()...),
		Run: func(c *cli.Context) error {
			o := ldapSyncOptions{name: c.Args().First(), handout: handoutChoice(c)}
			o.DryRun, o.Partial, o.Beyond = c.Bool("dry-run"), c.Bool("partial"), c.Bool("yes")
			var err error
			if o.MaxMissing, err = optional(c, "max-missing", directory.ParseBrake); err != nil {
				return err
			}
			if flag := o.handout.flag(); o.DryRun && flag != "" {
				return apperr.Usage("--dry-run makes no strings for %s", flag)
			}
			if o.handout.print {
				return apperr.Usage("--strings-file needs a file: what has changed goes to stdout")
			}
			return ldapSync(c.Context, env, o)
		},
	}
}

func ldapSync(ctx context.Context, env *Env, o ldapSyncOptions) error {
	r, err := ldapRules(ctx, env)
	if err != nil {
		return err
	}
	var out *uniqueStrings
	if o.handout.wanted() {
		if out, err = newStrings(env, o.handout); err != nil {
			return err
		}
	}
	o.Strings = out.sink()
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	p := env.progress()
	o.Progress = func(entries int) { p.Show("reading: %s", counted(entries, "entry")) }
	s, err := directory.Sync(ctx, r, env.actor(), o.name, o.SyncOptions)
	p.End()
	partly := errors.Is(err, apperr.ErrPartly)
	if err == nil || len(s.Rows) > 0 {
		if err := showOutcome(env, syncCounts(s, o.DryRun), "devices", s.Rows, syncColumns); err != nil {
			return err
		}
	}
	if err != nil && !partly {
		return errors.Join(err, out.discard())
	}
	would := ""
	if o.DryRun {
		would = "; nothing was changed"
	}
	env.say("%s: %s added, %d known, %d adopted, %d back, %d deleted here, %d left out; %d missing%s", counted(s.Entries, "entry"),
		counted(s.Counts[store.SyncAdded], "device"), s.Counts[store.SyncKnown], s.Counts[store.SyncAdopted], s.Counts[store.SyncBack],
		s.Counts[store.SyncDeleted], s.Bad, s.Counts[store.SyncMissing], would)
	out.sayWhere(o.handout)
	if partly {
		return fmt.Errorf("%w: %w", apperr.ErrPartly, err)
	}
	return nil
}

// syncCounts are how many entries and devices a synchronization has dealt with, by what
// became of them.
func syncCounts(s directory.Synced, dryRun bool) []field {
	return []field{
		{"", "entries", s.Entries}, {"", "added", s.Counts[store.SyncAdded]}, {"", "known", s.Counts[store.SyncKnown]},
		{"", "adopted", s.Counts[store.SyncAdopted]}, {"", "back", s.Counts[store.SyncBack]}, {"", "deleted_here", s.Counts[store.SyncDeleted]},
		{"", "left_out", s.Bad}, {"", "missing", s.Counts[store.SyncMissing]}, {"", "dry_run", dryRun},
	}
}

var syncColumns = []column[directory.SyncRow]{
	{"Device", "device", always, func(r directory.SyncRow) any { return r.Device }},
	{"What", "outcome", always, func(r directory.SyncRow) any {
		if r.Problem != "" {
			return "refused"
		}
		return string(r.Outcome)
	}},
	{"Entry", "entry", usual, func(r directory.SyncRow) any { return r.Entry }},
	{"Problem", "problem", always, func(r directory.SyncRow) any { return term.Message(r.Problem) }},
}
