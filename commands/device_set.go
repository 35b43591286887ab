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
		Role: cmdline.Helpdesk,
		About: `Only the given settings change. --operation schedules the operation afresh: a
phone that is waiting for a CA's certificate is sent away, and that certificate is
stale when it arrives. A time alone moves the deadline of the scheduled operation,
and the phone continues to wait. An empty value or answer removes nothing; --clear
does.`,
		Example: "capf device set SEP001122334455 --operation install --completes-by +10d",
		Output:  cmdline.Object, Flags: settingFlags(), Clears: deviceClears(),
		Raises: beyondScheduling(),
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

// beyondScheduling are the flags that the helpdesk has no use for: it schedules an
// operation, but does not change how a phone proves who it is.
func beyondScheduling() map[string]cmdline.Needs {
	raised := cmdline.RaisedBy(cmdline.Needs{Role: cmdline.Operator}, settingFlags())
	delete(raised, "operation")
	delete(raised, "completes-by")
	raised["clear"] = cmdline.Needs{Role: cmdline.Operator}
	return raised
}
