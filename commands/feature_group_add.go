package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/templates"
	"capf/internal/apperr"
)

func featureGroupAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Aliases: []string{"set"}, Args: "NAME", Short: "add a feature group template, or change the template that it names",
		Role: cmdline.Operator,
		About: `LDAP directories name it; existing devices are not touched. The description of an
existing one stays, unless another is given.`,
		Example: "capf feature-group add staff --template softphones",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "template", Usage: "the universal device template `NAME`"},
			&cli.StringFlag{Name: "description", Usage: "a free `TEXT`"},
		},
		Clears: []string{"description"},
		Run: func(c *cli.Context) error {
			if c.String("template") == "" {
				return apperr.WithHint(apperr.Usage("--template is missing"), "capf template list shows the templates")
			}
			description, err := optional(c, "description", verbatim)
			if err != nil {
				return err
			}
			what, err := cmdline.Cleared(c, []string{"description"})
			if err != nil {
				return err
			}
			if what != nil {
				description = new("")
			}
			return featureGroupAdd(c.Context, env, c.Args().First(), c.String("template"), description)
		},
	}
}

func featureGroupAdd(ctx context.Context, env *Env, name, template string, description *string) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	if err := templates.UpsertFeatureGroup(ctx, deviceRules(env, s), env.actor(), name, template, description); err != nil {
		return err
	}
	env.say("feature group %s names the template %s", name, template)
	if env.Format != term.JSON {
		return nil
	}
	g, err := s.FeatureGroup(ctx, name)
	if err != nil {
		return err
	}
	return showObject(env, fieldsOf(groupColumns, g))
}
