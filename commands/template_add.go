package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/enroll/templates"
	"capf/store"
)

func templateAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Args: "NAME", Short: "add a universal device template",
		Role: cmdline.Operator,
		About: `A template holds the initial settings for the devices of an LDAP directory: a feature
group template names it, and the directory names the feature group. The description
is the template's own. Adding a template again with the same settings changes
nothing: a generated string stays, and is not printed again.`,
		Example: "capf template add softphones --operation install --auth-mode auth-string --generate-string",
		Output:  cmdline.Object, Flags: templateFlags(),
		Run: func(c *cli.Context) error {
			o, err := templateChoice(env, c)
			if err != nil {
				return err
			}
			return templateKeep(c.Context, env, "added", o, func(ctx context.Context, r *devices.Rules, e devices.Edit) (store.Template, bool, error) {
				return templates.Add(ctx, r, env.actor(), o.name, value(o.description), e, o.generate)
			})
		},
	}
}
