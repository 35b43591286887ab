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
		Privilege: cmdline.Look,
		Example:   "capf template show softphones",
		Output:    cmdline.Object,
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

// templateFields are all settings; those that a template leaves open are empty.
func templateFields(t store.Template) ([]field, error) {
	e, err := templates.Read(t)
	if err != nil {
		return nil, err
	}
	return []field{
		{"Name", "name", t.Name}, {"Description", "description", t.Description},
		{"Model", "model", given(e.Model)}, {"Device pool", "pool", given(e.Pool)},
		{"Device security mode", "security_mode", given(e.SecurityMode)}, {"IP mode", "ip_mode", given(e.IPMode)},
		{"Certificate operation", "operation", given(e.Operation)}, {"Authentication mode", "auth_mode", given(e.AuthMode)},
		{"Authentication string set", "auth_string_set", t.SealedString != nil}, {"Unique strings", "unique_strings", e.UniqueString},
		{"Key order", "key_order", given(e.KeyOrder)}, {"RSA key size", "rsa_bits", given(e.RSABits)},
		{"EC key size", "ec_bits", given(e.ECBits)}, {"Operation completes by", "completes_by", givenDeadline(e.CompletesBy)},
		{"Added", "created_at", t.CreatedAt}, {"Changed", "updated_at", t.UpdatedAt},
	}, nil
}

// given is a value that may be left open.
func given[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// givenDeadline is a moment, or a span from when the template is used.
func givenDeadline(d *devices.Deadline) any {
	if d == nil {
		return nil
	}
	if t, ok := d.Moment(); ok {
		return t
	}
	return d.String()
}
