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

// removal reads the options of a command that removes what its arguments name.
func removal(c *cli.Context) removeOptions {
	return removeOptions{eachOnce(c.Args().Slice()), c.Bool("yes"), c.Bool("dry-run")}
}

// removing is what a command removes.
type removing struct {
	what  string // all of it, in the question
	thing string // one of it, for the count
	do    func(context.Context, *store.Store) (int64, error)
	show  func() error // the rows to remove
}

// carryOutRemoval removes it, with consent. A dry run does the same in a
// transaction that is rolled back, so that it is refused whenever the removal
// would be, and shows what would go.
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
	case n > 0 && errors.Is(err, context.Canceled): // between two batches
		return apperr.WithHint(fmt.Errorf("interrupted; deleted %s", plural.Of(n, r.thing)), "the same command deletes the rest")
	case err != nil:
		return err
	}
	return sayRemoved(env, n, r.thing)
}

// one is a removal that counts as one.
func one(err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// sayRemoved reports how many rows were removed.
func sayRemoved(env *Env, n int64, what string) error {
	env.say("deleted %s", plural.Of(n, what))
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", n}})
}

// nothingToRemove is the result of a removal by filter that found nothing. A dry
// run lists rows, so it prints an empty list.
func nothingToRemove(env *Env, o removeOptions) error {
	if o.dryRun {
		return emptyList(env)
	}
	return nothingRemoved(env)
}

// nothingRemoved is the result of a removal that found nothing.
func nothingRemoved(env *Env) error {
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", 0}})
}

// deleteNamed deletes one object by its name, with consent.
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

// The flags of commands that remove something.
func removalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
	}
}
