package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/audit"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

type auditPruneOptions struct {
	removeOptions
	before time.Time
}

func auditPruneCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "prune", Short: "delete the events from before a time",
		About: `Events go from the beginning of the record up to the first that is not older. The
last one that went leaves its hash, so that the rest can still be verified. What
was wrong in the part that goes can be found no more, so the record is verified
first, and left alone when it is not as it was written. Export what has to be kept
longer before: capf audit list --json > events.json.`,
		Example: "capf audit prune --before 365d --dry-run",
		Output:  cmdline.Object,
		Flags:   append(removalFlags(), beforeFlag()),
		Run: func(c *cli.Context) error {
			before, err := ageLimit(env, c)
			if err != nil {
				return err
			}
			if before == nil {
				return apperr.WithHint(apperr.Usage("--before is missing"), "such as --before 365d or --before 2026-01-01")
			}
			return auditPrune(c.Context, env, auditPruneOptions{removal(c), *before})
		},
	}
}

// beforeFlag limits what is deleted to what is old.
func beforeFlag() cli.Flag {
	return &cli.StringFlag{Name: "before", Usage: "only from before the `TIME`, which may be a span back from now such as 365d"}
}

// ageLimit is the time of --before, nil without it. It has to be in the past,
// since a slip of the year would take everything, and it names what goes, so
// that other names have no place beside it.
func ageLimit(env *Env, c *cli.Context) (*time.Time, error) {
	before, err := optional(c, "before", env.moment)
	switch {
	case err != nil || before == nil:
		return nil, err
	case before.After(env.Now()):
		return nil, apperr.Usage("--before: %s is yet to come", term.Timestamp(*before))
	case c.NArg() > 0:
		return nil, apperr.Usage("--before and %q exclude each other", c.Args().First())
	}
	return before, nil
}

func auditPrune(ctx context.Context, env *Env, o auditPruneOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	p, err := s.PrunableEvents(ctx, o.before)
	if err != nil {
		return err
	}
	if p.Events == 0 {
		env.say("no event is older")
		if o.dryRun && env.Format == term.JSON {
			return showPrunable(env, p)
		}
		return nothingRemoved(env)
	}
	if err := audit.Verify(ctx, s.Reader, checkpoints(ctx, env, s)); err != nil {
		return err
	}
	what := fmt.Sprintf("%s from before %s", counted(p.Events, "event"), term.Timestamp(o.before))
	return carryOutRemoval(ctx, env, o.removeOptions, s, removing{what, "event",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return audit.Prune(ctx, s, env.actor(), o.before)
		},
		func() error { return showPrunable(env, p) },
	})
}

// checkpoints says which checkpoints of the record hold, nil without the master key.
func checkpoints(ctx context.Context, env *Env, s *store.Store) func(store.Checkpoint) bool {
	sealer, err := openSealer(ctx, env, s.Reader)
	if err != nil {
		return nil
	}
	return secrets.HoldsCheckpoint(sealer)
}

func showPrunable(env *Env, p store.Prunable) error {
	return showObject(env, []field{{"Events", "events", p.Events}, {"First", "first", p.First}, {"Last", "last", p.Last}})
}
