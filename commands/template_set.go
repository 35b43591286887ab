package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/enroll/templates"
	"capf/internal/apperr"
	"capf/store"
)

func templateSetCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Args: "NAME", Short: "change a template",
		Role:    cmdline.Operator,
		About:   `Only the given settings change. Existing devices do not: use bulk update for those.`,
		Example: "capf template set softphones --key-order ec-preferred",
		Output:  cmdline.Object, Flags: templateFlags(), Clears: deviceClears(),
		Run: func(c *cli.Context) error {
			o, err := templateChoice(env, c)
			if err != nil {
				return err
			}
			if o.edit.Empty() && o.description == nil && !o.generate {
				return apperr.WithHint(apperr.Usage("nothing to change was given"), "capf template set --help lists the settings")
			}
			return templateKeep(c.Context, env, "changed", o, func(ctx context.Context, r *devices.Rules, e devices.Edit) (store.Template, bool, error) {
				t, err := templates.Change(ctx, r, env.actor(), o.name, o.description, e)
				return t, true, err
			})
		},
	}
}
