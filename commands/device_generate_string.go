package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
)

func deviceGenerateStringCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "generate-string", Args: "NAME", Short: "give a device a new authentication string",
		Role: cmdline.Helpdesk,
		About: `The string is printed once, on stdout; the user types it into the phone. It
replaces the string that the device had, and ends a lock-out.`,
		Example: "capf device generate-string SEP001122334455",
		Output:  cmdline.Object,
		Run: func(c *cli.Context) error {
			return deviceGenerateString(c.Context, env, c.Args().First())
		},
	}
}

func deviceGenerateString(ctx context.Context, env *Env, name string) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	name = devices.FullName(ctx, r.Store.Reader, name)
	secret, err := r.GenerateString(ctx, env.actor(), name)
	if err != nil {
		return err
	}
	env.say("device %s has a new authentication string", name)
	if env.Format == term.JSON {
		err = showObject(env, []field{{"", "name", name}, {"", "auth_string", secret}})
	} else {
		_, err = fmt.Fprintln(env.out, secret)
	}
	return flushSecret(env, err, "capf device show %s --reveal shows it", name)
}
