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
		Name: "prune", Short: "delete events from before a time",
		Role: cmdline.Admin,
		About: `Events are deleted from the beginning of the record up to the first that is not
older. The hash of the last deleted one is kept, so that the rest can still be
verified. Faults in the deleted part can no longer be found, so the record is
verified first, and left alone if it is not as it was written. First export what
has to be kept longer: capf audit list --json > events.json.`,
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

// beforeFlag restricts a deletion to what is old.
func beforeFlag() cli.Flag {
	return &cli.StringFlag{Name: "before", Usage: "only those from before the `TIME`, or older than a span such as 365d"}
}

// ageLimit is the time of --before, nil without it. It has to be in the past,
// because a mistyped year would delete everything. It says what to delete, so
// no names may stand beside it.
func ageLimit(env *Env, c *cli.Context) (*time.Time, error) {
	before, err := optional(c, "before", env.moment)
	switch {
	case err != nil || before == nil:
		return nil, err
	case before.After(env.Now()):
		return nil, apperr.Usage("--before: %s is in the future", term.Cell(term.WithZone(*before)))
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
	what := fmt.Sprintf("%s from before %s", counted(p.Events, "event"), term.Cell(term.WithZone(o.before)))
	return carryOutRemoval(ctx, env, o.removeOptions, s, removing{what, "event",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return audit.Prune(ctx, s, env.actor(), o.before)
		},
		func() error { return showPrunable(env, p) },
	})
}

// checkpoints says which checkpoints of the record are valid, nil without the
// master key.
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
