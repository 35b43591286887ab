package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/internal/apperr"
)

type deviceSetOptions struct {
	name string
	edit devices.Edit
}

func deviceSetCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Args: "NAME", Short: "change a device or schedule an operation for it",
		About: `Only what is given is changed. Setting --operation schedules it anew: a phone
that waits for a certificate of another CA is sent away, and that certificate is
stale when it comes. A time alone moves the end of the operation that is
scheduled, and the phone goes on waiting. An empty value or answer takes
nothing away; --clear does.`,
		Example: "capf device set SEP001122334455 --operation install --completes-by +10d",
		Output:  cmdline.Object, Flags: settingFlags(), Clears: deviceClears(),
		Run: func(c *cli.Context) error {
			edit, err := deviceEdit(env, c)
			if err != nil {
				return err
			}
			if edit == (devices.Edit{}) {
				return apperr.WithHint(apperr.Usage("nothing to change was given"), "capf device set --help lists the settings")
			}
			return deviceSet(c.Context, env, deviceSetOptions{c.Args().First(), edit})
		},
	}
}

func deviceSet(ctx context.Context, env *Env, o deviceSetOptions) error {
	r, err := rulesFor(ctx, env, o.edit)
	if err != nil {
		return err
	}
	d, warnings, err := r.Change(ctx, env.actor(), o.name, o.edit)
	if err != nil {
		return err
	}
	return sayDevice(env, "changed", d, warnings)
}
