package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
)

func deviceUnlockCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "unlock", Args: "NAME", Short: "end the lock-out of a device",
		Role: cmdline.Helpdesk,
		About: `A device is locked for ten minutes after too many wrong authentication strings, or
after its phone has taken too many certificates without confirming one. This ends the
lock at once, and the count of mistakes begins again. The string, the operation and
its deadline stay as they are.`,
		Example: "capf device unlock SEP001122334455",
		Output:  cmdline.Object,
		Run: func(c *cli.Context) error {
			return deviceUnlock(c.Context, env, c.Args().First())
		},
	}
}

func deviceUnlock(ctx context.Context, env *Env, name string) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	d, was, err := deviceRules(env, s).Unlock(ctx, env.actor(), name)
	if err != nil {
		return err
	}
	if was {
		env.say("device %s is unlocked", d.Name)
	} else {
		env.say("device %s was not locked", d.Name)
	}
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "name", d.Name}, {"", "was_locked", was}})
}
