package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

type removeOptions struct {
	names  []string
	yes    bool
	dryRun bool
}

// removal reads the options of a command that takes away what its arguments
// name.
func removal(c *cli.Context) removeOptions {
	return removeOptions{eachOnce(c.Args().Slice()), c.Bool("yes"), c.Bool("dry-run")}
}

// removing is what a command takes away.
type removing struct {
	what  string // all of it, in the question
	thing string // one of it, for the count
	do    func(context.Context, *store.Store) (int64, error)
	show  func() error // what there is of it
}

// carryOutRemoval takes it away, with consent. A dry run does the same to a rehearsal
// of the database, so that it is refused what would be refused, and shows what
// would go.
func carryOutRemoval(ctx context.Context, env *Env, o removeOptions, s *store.Store, r removing) error {
	if o.dryRun {
		if _, err := r.do(ctx, s.Rehearsal()); err != nil {
			return err
		}
		env.say("%s would be deleted", r.what)
		return r.show()
	}
	if err := env.consent(o.yes, "delete %s", r.what); err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	n, err := r.do(ctx, s)
	switch {
	case n > 0 && errors.Is(err, context.Canceled): // between two portions
		return apperr.WithHint(fmt.Errorf("interrupted; deleted %s", plural.Of(n, r.thing)), "the same command deletes the rest")
	case err != nil:
		return err
	}
	return sayRemoved(env, n, r.thing)
}

// one is the count of a removal of one thing.
func one(err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// sayRemoved reports how many rows are gone.
func sayRemoved(env *Env, n int64, what string) error {
	env.say("deleted %s", plural.Of(n, what))
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", n}})
}

// nothingToRemove is the result of a removal by filter that found nothing to
// do: a dry run lists rows, of which there are none then.
func nothingToRemove(env *Env, o removeOptions) error {
	if o.dryRun {
		return emptyList(env)
	}
	return nothingRemoved(env)
}

// nothingRemoved is the result of a removal that found nothing to do.
func nothingRemoved(env *Env) error {
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", 0}})
}

// deleteNamed deletes one thing that has a name, with consent.
func deleteNamed(ctx context.Context, env *Env, o removeOptions, what string, find, remove func(context.Context, *store.Store, string) error) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	name := o.names[0]
	if err := find(ctx, s, name); err != nil {
		return err
	}
	return carryOutRemoval(ctx, env, o, s, removing{what + " " + name, what,
		func(ctx context.Context, s *store.Store) (int64, error) { return one(remove(ctx, s, name)) },
		func() error { return nothingRemoved(env) },
	})
}

// The flags of commands that take something away.
func removalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
	}
}
