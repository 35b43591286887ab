package commands

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

// settingFlags are the attributes of a device, for the commands that change them.
func settingFlags() []cli.Flag {
	var flags []cli.Flag
	for _, a := range devices.Attributes() {
		if a.Secret { // which is never an argument
			flags = append(flags,
				&cli.StringFlag{Name: a.Flag() + "-file", Usage: "read the authentication string from `FILE` (- is stdin)"},
				&cli.BoolFlag{Name: a.Flag() + "-prompt", Usage: "ask for the authentication string on the terminal"})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: a.Flag(), Usage: a.Usage})
	}
	return flags
}

// deviceClears are the attributes of a device that can be taken away.
func deviceClears() []string {
	var names []string
	for _, a := range devices.Attributes() {
		if a.Clears {
			names = append(names, a.Flag())
		}
	}
	slices.Sort(names)
	return names
}

// deviceEdit reads the attributes that were given.
func deviceEdit(env *Env, c *cli.Context) (e devices.Edit, err error) {
	for _, a := range devices.Attributes() {
		if a.Secret || !c.IsSet(a.Flag()) {
			continue
		}
		if err := a.Read(&e, c.String(a.Flag()), env.Now()); err != nil {
			return e, apperr.WithHint(apperr.Usage("--%s: %v", a.Flag(), err), "%s", apperr.Hint(err))
		}
	}
	if c.IsSet("auth-string-file") && c.Bool("auth-string-prompt") {
		return e, apperr.Usage("--auth-string-file and --auth-string-prompt exclude each other")
	}
	if err := clearSettings(c, &e); err != nil {
		return e, err
	}
	return e, editString(env, c, &e)
}

// clearSettings takes attributes away.
func clearSettings(c *cli.Context, e *devices.Edit) error {
	what, err := cmdline.Cleared(c, deviceClears())
	for _, a := range devices.Attributes() {
		if slices.Contains(what, a.Flag()) {
			a.Clear(e)
		}
	}
	if e.NoString && (c.IsSet("auth-string-file") || c.Bool("auth-string-prompt")) {
		return apperr.Usage("an authentication string and --clear auth-string exclude each other")
	}
	return err
}

// oneString refuses more than one instruction for the authentication string.
func oneString(e devices.Edit, generate bool) error {
	given := 0
	for _, is := range []bool{e.UniqueString, generate, e.String != nil, e.NoString} {
		if is {
			given++
		}
	}
	if given > 1 {
		return apperr.Usage("--unique-strings, --generate-string, a string of your own and --clear auth-string exclude each other")
	}
	return nil
}

// editString reads the authentication string, which is never an argument.
func editString(env *Env, c *cli.Context, e *devices.Edit) error {
	var s string
	var err error
	switch {
	case c.IsSet("auth-string-file"):
		s, err = env.readSecret(c.String("auth-string-file"))
	case c.Bool("auth-string-prompt") && env.Prompt == nil:
		err = apperr.Usage("--auth-string-prompt needs a terminal; use --auth-string-file")
	case c.Bool("auth-string-prompt"):
		s, err = askString(env)
	default:
		return nil
	}
	e.String = &s
	return err
}

// rulesFor opens the master key only if the edit has a secret to seal.
func rulesFor(ctx context.Context, env *Env, e devices.Edit) (*devices.Rules, error) {
	s, err := env.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if e.String == nil {
		return deviceRules(env, s), nil
	}
	return sealedDeviceRules(ctx, env, s)
}

// sayDevice reports a change of a device.
func sayDevice(env *Env, did string, d store.Device, warnings []string) error {
	if d.Operation == store.NoOperation {
		env.say("device %s %s; nothing is scheduled", d.Name, did)
	} else {
		env.say("device %s %s; %s is scheduled until %s", d.Name, did, d.Operation.Long(), term.Cell(term.WithZone(d.CompletesBy)))
	}
	env.warn(warnings)
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, deviceFields(d))
}
