package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

type removeOptions struct {
	names  []string
	yes    bool
	dryRun bool
}

// removal reads the options of a command that takes away what its arguments
// name.
func removal(c *cli.Context) removeOptions {
	return removeOptions{c.Args().Slice(), c.Bool("yes"), c.Bool("dry-run")}
}

// counted is a number of things in words.
func counted[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

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
	if o.dryRun {
		env.say("device %s would be deleted", d.Name)
		return showObject(env, deviceFields(d))
	}
	if err := env.consent(o.yes, "delete device %s", d.Name); err != nil {
		return err
	}
	if err := s.DeleteDevice(ctx, env.actor(), d.Name); err != nil {
		return err
	}
	return env.sayRemoved(1, "device")
}

// nothingRemoved is the result of a removal that found nothing to do.
func (env *Env) nothingRemoved() error {
	if env.Format != asJSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", 0}})
}
