package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
	"capf/enroll/provision"
	"capf/internal/apperr"
	"capf/store"
)

func featureGroupAddCommand(env *Env) command {
	return command{
		name: "add", aliases: []string{"set"}, args: "NAME", short: "add a feature group template, or have it name another template",
		about: `LDAP directories name it; devices that exist are not touched. The description of
one that exists stays, unless another is given.`,
		example: "capf feature-group add staff --template softphones",
		output:  object,
		flags: []cli.Flag{
			&cli.StringFlag{Name: "template", Usage: "the universal device template `NAME`"},
			&cli.StringFlag{Name: "description", Usage: "a `TEXT` for people"},
		},
		clears: []string{"description"},
		run: func(c *cli.Context) error {
			if c.String("template") == "" {
				return apperr.WithHint(apperr.Usage("--template is missing"), "capf template list shows the templates")
			}
			description, err := optional(c, "description", verbatim)
			if err != nil {
				return err
			}
			what, err := cleared(c, []string{"description"})
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
	if err := provision.UpsertFeatureGroup(ctx, env.rules(s), env.actor(), name, template, description); err != nil {
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

var groupColumns = []column[store.FeatureGroup]{
	{"Name", "name", func(g store.FeatureGroup) any { return g.Name }},
	{"Description", "description", func(g store.FeatureGroup) any { return g.Description }},
	{"Template", "template", func(g store.FeatureGroup) any { return g.Template }},
	{"Changed", "updated_at", func(g store.FeatureGroup) any { return g.UpdatedAt }},
}

func featureGroupListCommand(env *Env) command {
	return command{
		name: "list", short: "list the feature group templates",
		privilege: lookPrivilege,
		example:   "capf feature-group list",
		output:    list,
		run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			all, err := s.FeatureGroups(c.Context)
			if err != nil {
				return err
			}
			return showList(env, values(all), groupColumns, "there is no feature group template")
		},
	}
}

func featureGroupDeleteCommand(env *Env) command {
	return command{
		name: "delete", args: "NAME", short: "delete a feature group template",
		about:   `One that a directory names stays.`,
		example: "capf feature-group delete staff --yes",
		output:  object, flags: removalFlags(),
		run: func(c *cli.Context) error {
			return deleteNamed(c.Context, env, removal(c), "feature group",
				func(ctx context.Context, s *store.Store, name string) error {
					_, err := s.FeatureGroup(ctx, name)
					return err
				},
				func(ctx context.Context, s *store.Store, name string) error {
					return s.DeleteFeatureGroup(ctx, env.actor(), name)
				})
		},
	}
}
