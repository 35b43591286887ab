package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
)

func deviceGenerateStringCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "generate-string", Args: "[NAME]", Short: "give a device a new authentication string",
		Role: cmdline.Helpdesk,
		About: `The string is printed once, on stdout; the user types it into the phone. It
replaces the string that the device had, and ends a lock-out. --sheet makes a page
with it, to print for a technician.

With --devices instead of a name, each device of the list gets a string of its own,
as a job. bulk update --unique-strings selects in more ways, and leaves strings
alone that are in force.`,
		Example: "capf device generate-string SEP001122334455",
		Output:  cmdline.Object,
		Raises:  map[string]cmdline.Needs{"devices": {Role: cmdline.Operator}},
		Flags:   append([]cli.Flag{listedFlag(), &cli.BoolFlag{Name: "yes", Usage: "do not ask"}}, handoutFlags()...),
		Run: func(c *cli.Context) error {
			o := generateOptions{name: c.Args().First(), yes: c.Bool("yes"), handout: handoutChoice(c)}
			switch {
			case (o.name != "") == c.IsSet("devices"):
				return apperr.Usage("either NAME or --devices says which devices")
			case o.name != "" && c.IsSet("yes"):
				return apperr.Usage("--yes is for --devices")
			}
			var err error
			if o.listed, err = listedNames(env, c); err != nil {
				return err
			}
			return deviceGenerateString(c.Context, env, o)
		},
	}
}

type generateOptions struct {
	name    string
	listed  []string // instead of the name
	yes     bool
	handout handoutFiles
}

func deviceGenerateString(ctx context.Context, env *Env, o generateOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	if o.listed != nil {
		return forListed(ctx, env, s.Reader, &o.listed, false, func() error { return generateStrings(ctx, env, r, o) })
	}
	return generateOne(ctx, env, r, o)
}

// generateOne makes the string of one device. The files are made first, so that no
// string comes into force that nobody gets to know.
func generateOne(ctx context.Context, env *Env, r *devices.Rules, o generateOptions) error {
	name := devices.FullName(ctx, r.Store.Reader, o.name)
	out, err := newStrings(env, o.handout)
	if err != nil {
		return err
	}
	d, secret, err := r.GenerateString(ctx, env.actor(), name)
	if err != nil {
		return errors.Join(err, out.discard())
	}
	env.say("device %s has a new authentication string", d.Name)
	if err = out.Add(d, secret); err == nil {
		err = out.Keep()
	}
	switch {
	case err != nil:
	case !out.printed():
		env.say("wrote it to %s", o.handout.names())
		return nil
	case env.Format == term.JSON:
		err = showObject(env, []field{{"", "name", d.Name}, {"", "auth_string", secret}})
	default:
		_, err = fmt.Fprintln(env.out, secret)
	}
	return flushSecret(env, err, "capf device show %s --reveal shows it", d.Name)
}

// generateStrings makes strings for the devices of a list, in a job.
func generateStrings(ctx context.Context, env *Env, r *devices.Rules, o generateOptions) error {
	u := bulkUpdateOptions{handout: o.handout, replace: true}
	u.update.Selection.Names = o.listed
	u.update.Edit.UniqueString = true
	n, err := bulk.Count(ctx, r, u.update.Selection)
	if err != nil {
		return err
	}
	if err := consentOr(env, "add --yes; capf device list --devices FILE shows the devices", o.yes, "give %s new authentication strings", counted(n, "device")); err != nil {
		return err
	}
	return bulkNow(ctx, env, r, u)
}
