package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/store"
)

func featureGroupListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the feature group templates",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf feature-group list",
		Output:  cmdline.List, Columns: headings(groupColumns),
		Run: func(c *cli.Context) error {
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

var groupColumns = []column[store.FeatureGroup]{
	{"Name", "name", always, func(g store.FeatureGroup) any { return g.Name }},
	{"Description", "description", usual, func(g store.FeatureGroup) any { return g.Description }},
	{"Template", "template", usual, func(g store.FeatureGroup) any { return g.Template }},
	{"Changed", "updated_at", usual, func(g store.FeatureGroup) any { return g.UpdatedAt }},
}
