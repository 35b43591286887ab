package commands

import (
	"context"

	"github.com/urfave/cli/v2"

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

// eachOnce is the values in their order. What is named twice goes once.
func eachOnce[T comparable](values []T) []T {
	var kept []T
	seen := map[T]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v], kept = true, append(kept, v)
		}
	}
	return kept
}

// removing is what a command takes away.
type removing struct {
	what  string // all of it, in the question
	thing string // one of it, for the count
	do    func(*store.Store) (int64, error)
	show  func() error // what there is of it
}

// carryOut takes it away, with consent. A dry run does the same to a rehearsal
// of the database, so that it is refused what would be refused, and shows what
// would go.
func (env *Env) carryOut(o removeOptions, s *store.Store, r removing) error {
	if o.dryRun {
		if _, err := r.do(s.Rehearsal()); err != nil {
			return err
		}
		env.say("%s would be deleted", r.what)
		return r.show()
	}
	if err := env.consent(o.yes, "delete %s", r.what); err != nil {
		return err
	}
	n, err := r.do(s)
	if err != nil {
		return err
	}
	return env.sayRemoved(n, r.thing)
}

// counted is a number of things in words.
func counted[N int | int64](n N, thing string) string { return plural.Of(n, thing) }

// sayRemoved reports how many rows are gone.
func (env *Env) sayRemoved(n int64, what string) error {
	env.say("deleted %s", counted(n, what))
	if env.Format != asJSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", n}})
}

func deviceDeleteCommand() command {
	return command{
		name: "delete", args: "NAME", short: "delete a device",
		about: `Its waiting requests become superseded and its unconfirmed certificates stale;
what was recorded about it stays. The certificate on the phone is not touched:
schedule the operation delete first to have it removed.`,
		example: "capf device delete SEP001122334455 --yes",
		output:  object, flags: removalFlags(),
		run: func(env *Env, c *cli.Context) error { return deviceDelete(c.Context, env, removal(c)) },
	}
}

func deviceDelete(ctx context.Context, env *Env, o removeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	d, err := s.Device(ctx, o.names[0])
	if err != nil {
		return err
	}
	return env.carryOut(o, s, removing{"device " + d.Name, "device",
		func(s *store.Store) (int64, error) { return 1, s.DeleteDevice(ctx, env.actor(), d.Name) },
		func() error { return showObject(env, deviceFields(d)) },
	})
}

// nothingToRemove is the result of a removal by filter that found nothing to
// do: a dry run lists rows, of which there are none then.
func (env *Env) nothingToRemove(o removeOptions) error {
	if o.dryRun {
		return env.emptyList()
	}
	return env.nothingRemoved()
}

// nothingRemoved is the result of a removal that found nothing to do.
func (env *Env) nothingRemoved() error {
	if env.Format != asJSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", 0}})
}
