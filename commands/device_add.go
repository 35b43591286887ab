package commands

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"capf/enroll"
	"capf/store"
)

type deviceAddOptions struct {
	name string
	edit enroll.DeviceEdit
}

func deviceAddCommand() command {
	return command{
		name: "add", args: "NAME", short: "add a device",
		about: `NAME is SEP and the MAC address for a hardware phone, the name of the softphone
otherwise. What is not given gets the vendor's default: no operation, By Null
String, RSA Only, 2048 bits. Adding a device again that is as asked changes
nothing.`,
		example: "capf device add SEP001122334455 --model 8861 --operation install --auth-mode null-string",
		output:  object, flags: settingFlags(),
		run: func(env *Env, c *cli.Context) error {
			edit, err := env.deviceEdit(c)
			if err != nil {
				return err
			}
			return deviceAdd(c.Context, env, deviceAddOptions{c.Args().First(), edit})
		},
	}
}

func deviceAdd(ctx context.Context, env *Env, o deviceAddOptions) error {
	r, err := env.rulesFor(ctx, o.edit)
	if err != nil {
		return err
	}
	d, warnings, err := r.AddDevice(ctx, env.actor(), o.name, o.edit)
	if errors.Is(err, store.ErrConflict) {
		existing, merr := r.Store.Device(ctx, o.name)
		if merr != nil {
			return merr
		}
		equal, merr := matches(r, existing, o.edit)
		if merr != nil {
			return merr
		}
		if equal {
			return env.sayDevice("exists as asked, nothing was changed", existing, nil)
		}
	}
	if err != nil {
		return err
	}
	return env.sayDevice("added", d, warnings)
}
