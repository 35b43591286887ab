package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/store"
)

type templateOptions struct {
	name        string
	description *string
	edit        devices.Edit
	generate    bool
}

// templateFlags are the settings that a template gives its devices. Their description
// comes from the directory.
func templateFlags() []cli.Flag {
	return append(settingFlags(),
		&cli.BoolFlag{Name: "generate-string", Usage: "make one authentication string for all devices, and print it"},
		&cli.BoolFlag{Name: "unique-strings", Usage: "make an authentication string for each device when it is created"},
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

// templateKeep generates the string, if one is wanted, and stores the template; did is
// the word for that. A template that already has the settings keeps its string.
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
	return flushSecret(env, err, "capf template set %s --generate-string makes another", t.Name)
}
