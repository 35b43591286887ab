package commands

import (
	"context"
	"errors"
	"strconv"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

type deviceAddOptions struct {
	name string
	edit devices.Edit
}

func deviceAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Args: "NAME", Short: "add a device",
		Role: cmdline.Operator,
		About: `NAME is SEP and the MAC address for a hardware phone, or the name of the
softphone, at most 64 characters. A MAC address alone is enough, in any notation:
0011.2233.4455 and 00:11:22:33:44:55 are SEP001122334455. Everything else has the
vendor's default: no operation, By Null String, RSA Only, 2048 bits.
Adding a device again with the same settings changes nothing, unless its operation
is late: then it is scheduled again.`,
		Example: "capf device add SEP001122334455 --model 8861 --operation install --auth-mode null-string",
		Output:  cmdline.Object, Flags: settingFlags(),
		Run: func(c *cli.Context) error {
			edit, err := deviceEdit(env, c)
			if err != nil {
				return err
			}
			return deviceAdd(c.Context, env, deviceAddOptions{c.Args().First(), edit})
		},
	}
}

func deviceAdd(ctx context.Context, env *Env, o deviceAddOptions) error {
	r, err := rulesFor(ctx, env, o.edit)
	if err != nil {
		return err
	}
	existing, err := r.Store.Device(ctx, devices.FullName(ctx, r.Store.Reader, o.name))
	if err == nil {
		return addedBefore(ctx, env, r, existing, o.edit)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	d, warnings, err := r.Add(ctx, env.actor(), o.name, o.edit)
	if err != nil {
		return err
	}
	return sayDevice(env, "added", d, warnings)
}

// addedBefore lets a script add a device a second time, as long as the settings
// are the same. A late operation is scheduled again.
func addedBefore(ctx context.Context, env *Env, r *devices.Rules, d store.Device, e devices.Edit) error {
	edit, err := r.Difference(d, e)
	switch {
	case err != nil:
		return err
	case edit == (devices.Edit{}):
		return sayDevice(env, "exists as asked, nothing was changed", d, nil)
	case !edit.Overdue(d):
		return apperr.WithHint(apperr.New(store.ErrConflict, "adding device %s: it exists with other settings", strconv.Quote(d.Name)),
			"capf device set %s changes it", d.Name)
	}
	d, warnings, err := r.Change(ctx, env.actor(), d.Name, edit)
	if err != nil {
		return err
	}
	return sayDevice(env, "exists as asked, but was late", d, warnings)
}
