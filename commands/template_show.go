package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/enroll/templates"
	"capf/store"
)

func templateShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "NAME", Short: "show a template",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf template show softphones",
		Output:  cmdline.Object,
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			t, err := s.Template(c.Context, c.Args().First())
			if err != nil {
				return err
			}
			fields, err := templateFields(t)
			if err != nil {
				return err
			}
			return showObject(env, fields)
		},
	}
}

// templateFields are all settings. Those that a template leaves open are empty.
func templateFields(t store.Template) ([]field, error) {
	e, err := templates.Read(t)
	if err != nil {
		return nil, err
	}
	fields := []field{{"Name", "name", t.Name}}
	for _, a := range devices.Attributes() {
		switch {
		case a.Name == "description": // which is the template's own
			fields = append(fields, field{a.Label, a.Name, t.Description})
		case a.Secret:
			fields = append(fields, field{a.Label, a.Name + "_set", t.SealedString != nil}, field{"Unique strings", "unique_strings", e.UniqueString})
		default:
			fields = append(fields, field{a.Label, a.Name, a.Given(e)})
		}
	}
	return append(fields, field{"Added", "created_at", t.CreatedAt}, field{"Changed", "updated_at", t.UpdatedAt}), nil
}
