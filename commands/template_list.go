package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/templates"
	"capf/store"
)

func templateListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the templates",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf template list",
		Output:  cmdline.List, Columns: headings(templateColumns),
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			all, err := s.Templates(c.Context)
			if err != nil {
				return err
			}
			return showList(env, values(all), templateColumns, "there is no template")
		},
	}
}

var templateColumns = []column[store.Template]{
	{"Name", "name", always, func(t store.Template) any { return t.Name }},
	{"Description", "description", usual, func(t store.Template) any { return t.Description }},
	{"Settings", "settings", usual, func(t store.Template) any { return templateText(t) }},
	{"String set", "auth_string_set", usual, func(t store.Template) any { return t.SealedString != nil }},
	{"Changed", "updated_at", usual, func(t store.Template) any { return t.UpdatedAt }},
}

func templateText(t store.Template) string {
	e, err := templates.Read(t)
	if err != nil {
		return "(not readable)"
	}
	return e.Describe()
}
