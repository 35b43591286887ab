package commands

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

// settingFlags are the settings of a device, for the commands that change them.
func settingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "description", Usage: "a `TEXT` for people"},
		&cli.StringFlag{Name: "model", Usage: "the `MODEL`, such as 8861"},
		&cli.StringFlag{Name: "pool", Usage: "the device `POOL`"},
		&cli.StringFlag{Name: "security-mode", Usage: "`MODE`: " + strings.Join(store.SecurityModes(), ", ")},
		&cli.StringFlag{Name: "ip-mode", Usage: "`MODE`: " + strings.Join(store.IPModes(), ", ")},
		&cli.StringFlag{Name: "operation", Usage: "schedule the `OPERATION`: " + strings.Join(store.Operations(), ", ")},
		&cli.StringFlag{Name: "auth-mode", Usage: "`MODE`: " + strings.Join(store.AuthModes(), ", ")},
		&cli.StringFlag{Name: "auth-string-file", Usage: "read the authentication string from `FILE` (- is stdin)"},
		&cli.BoolFlag{Name: "auth-string-prompt", Usage: "ask for the authentication string on the terminal"},
		&cli.StringFlag{Name: "key-order", Usage: "`ORDER`: " + strings.Join(store.KeyOrders(), ", ")},
		&cli.StringFlag{Name: "rsa-bits", Usage: "`SIZE` of an RSA key: 512, 1024, 2048, 3072, 4096"},
		&cli.StringFlag{Name: "ec-bits", Usage: "`SIZE` of an EC key: 256, 384, 521"},
		&cli.StringFlag{Name: "completes-by", Usage: "`TIME` until which the operation is valid: 2027:01:31:18:00, RFC 3339, +10d"},
	}
}

// deviceClears are the settings of a device that can be taken away.
func deviceClears() []string { return []string{"auth-string", "description", "model", "pool"} }

// deviceEdit reads the settings that were given.
func deviceEdit(env *Env, c *cli.Context) (devices.Edit, error) {
	var e devices.Edit
	var errs [12]error
	e.Description, errs[0] = optional(c, "description", verbatim)
	e.Model, errs[1] = optional(c, "model", verbatim)
	e.Pool, errs[2] = optional(c, "pool", verbatim)
	e.SecurityMode, errs[3] = optional(c, "security-mode", store.ParseSecurityMode)
	e.IPMode, errs[4] = optional(c, "ip-mode", store.ParseIPMode)
	e.Operation, errs[5] = optional(c, "operation", store.ParseOperation)
	e.AuthMode, errs[6] = optional(c, "auth-mode", store.ParseAuthMode)
	e.KeyOrder, errs[7] = optional(c, "key-order", store.ParseKeyOrder)
	e.RSABits, errs[8] = optional(c, "rsa-bits", number)
	e.ECBits, errs[9] = optional(c, "ec-bits", number)
	e.CompletesBy, errs[10] = optional(c, "completes-by", func(s string) (devices.Deadline, error) { return devices.ParseDeadline(s, env.Now()) })
	if c.IsSet("auth-string-file") && c.Bool("auth-string-prompt") {
		errs[11] = apperr.Usage("--auth-string-file and --auth-string-prompt exclude each other")
	}
	for _, err := range errs {
		if err != nil {
			return e, err
		}
	}
	if err := clearSettings(c, &e); err != nil {
		return e, err
	}
	return e, editString(env, c, &e)
}

// clearSettings takes settings away.
func clearSettings(c *cli.Context, e *devices.Edit) error {
	what, err := cmdline.Cleared(c, deviceClears())
	for _, name := range what {
		switch name {
		case "auth-string":
			e.NoString = true
		case "description":
			e.Description = new("")
		case "model":
			e.Model = new("")
		case "pool":
			e.Pool = new("")
		}
	}
	if e.NoString && (c.IsSet("auth-string-file") || c.Bool("auth-string-prompt")) {
		return apperr.Usage("an authentication string and --clear auth-string exclude each other")
	}
	return err
}

// oneString refuses more than one answer to what becomes of the authentication
// string.
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

// editString gets the authentication string, which is never an argument.
func editString(env *Env, c *cli.Context, e *devices.Edit) error {
	var s string
	var err error
	switch {
	case c.IsSet("auth-string-file"):
		s, err = env.readSecret(c.String("auth-string-file"))
	case c.Bool("auth-string-prompt") && env.Prompt == nil:
		err = apperr.Usage("--auth-string-prompt needs a terminal; use --auth-string-file")
	case c.Bool("auth-string-prompt"):
		s, err = env.askSecret("Authentication string")
	default:
		return nil
	}
	e.String = &s
	return err
}

// rulesFor opens the master key only when the edit has a secret to seal.
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
