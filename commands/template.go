package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/templates"
	"capf/internal/apperr"
	"capf/store"
)

type templateOptions struct {
	name        string
	description *string
	edit        devices.Edit
	generate    bool
}

// templateFlags are the settings that a template has for its devices; their
// description comes from the directory.
func templateFlags() []cli.Flag {
	return append(settingFlags(),
		&cli.BoolFlag{Name: "generate-string", Usage: "make one authentication string for all devices, and print it"},
		&cli.BoolFlag{Name: "unique-strings", Usage: "make an authentication string for each device when it is added"},
	)
}

func templateChoice(env *Env, c *cli.Context) (templateOptions, error) {
	o := templateOptions{name: c.Args().First(), generate: c.Bool("generate-string")}
	var err error
	if o.edit, err = deviceEdit(env, c); err != nil {
		return o, err
	}
	o.edit.UniqueString = c.Bool("unique-strings")
	o.description, o.edit.Description = o.edit.Description, nil
	return o, oneString(o.edit, o.generate)
}

func templateAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Args: "NAME", Short: "add a universal device template",
		About: `A template has the settings with which the devices of an LDAP directory begin:
a feature group template names it, and the directory names that. The
description is the template's own. Adding a template again that is as asked changes
nothing: a string that was generated stays, and is not printed again.`,
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

func templateSetCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Args: "NAME", Short: "change a template",
		About:   `Only what is given is changed. Devices that exist are not: bulk update is for those.`,
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

// templateKeep generates the string, if one is wanted, and has the template
// kept; did is the word for that. One that was there as asked keeps its string.
func templateKeep(ctx context.Context, env *Env, did string, o templateOptions, keep func(context.Context, *devices.Rules, devices.Edit) (store.Template, bool, error)) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	secret := ""
	if o.generate {
		if secret, err = r.NewString(); err != nil {
			return err
		}
		o.edit.String = &secret
	}
	t, done, err := keep(ctx, r, o.edit)
	if err != nil {
		return err
	}
	env.warn(o.edit.Warnings())
	if !done {
		did, o.generate = "exists as asked, nothing was changed", false
	}
	env.say("template %s %s", t.Name, did)
	if env.Format == term.JSON {
		fields, ferr := templateFields(t)
		if ferr != nil {
			return ferr
		}
		if o.generate {
			fields = append(fields, field{"", "auth_string", secret})
		}
		err = showObject(env, fields)
	} else if o.generate {
		_, err = fmt.Fprintln(env.out, secret)
	}
	if !o.generate {
		return err
	}
	return seen(env, err, "capf template set %s --generate-string makes another", t.Name)
}

func templateListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the templates",
		Privilege: cmdline.Look,
		Example:   "capf template list",
		Output:    cmdline.List,
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
	{"Name", "name", func(t store.Template) any { return t.Name }},
	{"Description", "description", func(t store.Template) any { return t.Description }},
	{"Settings", "settings", func(t store.Template) any { return templateText(t) }},
	{"String set", "auth_string_set", func(t store.Template) any { return t.SealedString != nil }},
	{"Changed", "updated_at", func(t store.Template) any { return t.UpdatedAt }},
}

func templateText(t store.Template) string {
	e, err := templates.Read(t)
	if err != nil {
		return "(not readable)"
	}
	return e.Describe()
}

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

func templateDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a template",
		About:   `One that a feature group template names stays.`,
		Example: "capf template delete softphones --yes",
		Output:  cmdline.Object, Flags: removalFlags(),
		Run: func(c *cli.Context) error {
			return deleteNamed(c.Context, env, removal(c), "template",
				func(ctx context.Context, s *store.Store, name string) error {
					_, err := s.Template(ctx, name)
					return err
				},
				func(ctx context.Context, s *store.Store, name string) error {
					return templates.Delete(ctx, s, env.actor(), name)
				})
		},
	}
}

// deleteNamed deletes one thing that has a name, with consent.
func deleteNamed(ctx context.Context, env *Env, o removeOptions, what string, find, remove func(context.Context, *store.Store, string) error) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	name := o.names[0]
	if err := find(ctx, s, name); err != nil {
		return err
	}
	return carryOutRemoval(ctx, env, o, s, removing{what + " " + name, what,
		func(ctx context.Context, s *store.Store) (int64, error) { return one(remove(ctx, s, name)) },
		func() error { return nothingRemoved(env) },
	})
}
