package commands

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/directory"
	"capf/internal/apperr"
	"capf/store"
)

// caLimit is the size of a file of CA certificates.
const caLimit = 1 << 20

// directoryFlags describe a directory, for the commands that add and change one.
func directoryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "url", Usage: "`ADDRESS`: ldaps://HOST[:PORT], or ldap://HOST[:PORT] with --start-tls"},
		&cli.BoolFlag{Name: "start-tls", Usage: "secure an ldap:// connection before anything is sent"},
		&cli.StringFlag{Name: "ca-file", Usage: "`FILE` with the CA of the directory's certificate (default: the system's CAs)"},
		&cli.StringFlag{Name: "bind-dn", Usage: "the `DN` to bind as (default: anonymous)"},
		&cli.StringFlag{Name: "password-file", Usage: "read the password from `FILE` (- is stdin)"},
		&cli.BoolFlag{Name: "password-prompt", Usage: "ask for the password on the terminal"},
		&cli.StringFlag{Name: "base", Usage: "the `DN` under which the people are found"},
		&cli.StringFlag{Name: "filter", Usage: "`FILTER` of RFC 4515 (default " + directory.DefaultFilter + ")"},
		&cli.StringFlag{Name: "device-name", Usage: "name of the device, with attributes as in `CSF{uid}`"},
		&cli.StringFlag{Name: "description", Usage: "description of the device, with attributes as in `{cn}`"},
		&cli.StringFlag{Name: "feature-group", Usage: "the feature group template `NAME`; only before the first sync"},
		&cli.StringFlag{Name: "page-size", Usage: "ask for this many `ENTRIES` at a time (default 500)"},
		&cli.StringFlag{Name: "timeout", Usage: "`TIME` to wait for an answer, such as 30s or 2m (default 30s)"},
	}
}

// directoryOptions is what was given about a directory.
type directoryOptions struct {
	name     string
	settings directory.Directory
	password *string
	group    *string
}

// directoryChoice applies what was given to the present settings.
func directoryChoice(env *Env, c *cli.Context, was directory.Directory) (o directoryOptions, err error) {
	o = directoryOptions{name: c.Args().First(), settings: was}
	d := &o.settings
	for name, to := range map[string]*string{
		"url": &d.URL, "bind-dn": &d.BindDN, "base": &d.Base, "filter": &d.Filter,
		"device-name": &d.DeviceName, "description": &d.About,
	} {
		if c.IsSet(name) {
			*to = c.String(name)
		}
	}
	if c.IsSet("start-tls") {
		d.StartTLS = c.Bool("start-tls")
	}
	if c.IsSet("page-size") {
		if d.PageSize, err = parsed(c, "page-size", number); err != nil {
			return o, err
		}
	}
	if c.IsSet("timeout") {
		limit, err := parsed(c, "timeout", duration)
		if err != nil {
			return o, err
		}
		d.Seconds = int(limit / time.Second)
	}
	if file := c.String("ca-file"); file != "" {
		pem, err := env.readInput(file, caLimit)
		if err != nil {
			return o, err
		}
		d.CA = string(pem)
	}
	if o.group, err = optional(c, "feature-group", verbatim); err != nil {
		return o, err
	}
	if err := clearDirectory(c, &o); err != nil {
		return o, err
	}
	o.password, err = directoryPassword(env, c)
	return o, err
}

// directoryClears are the settings of a directory that can be cleared.
func directoryClears() []string {
	return []string{"bind-dn", "ca-file", "description", "feature-group"}
}

// clearDirectory clears settings. Without a name to bind as there is no password
// either.
func clearDirectory(c *cli.Context, o *directoryOptions) error {
	what, err := cmdline.Cleared(c, directoryClears())
	for _, name := range what {
		switch name {
		case "bind-dn":
			o.settings.BindDN = ""
		case "ca-file":
			o.settings.CA = ""
		case "description":
			o.settings.About = ""
		case "feature-group":
			o.group = new("")
		}
	}
	return err
}

// directoryPassword reads the password of a bind, which is never an argument; nil if
// none is given.
func directoryPassword(env *Env, c *cli.Context) (*string, error) {
	var s string
	var err error
	switch file, prompt := c.IsSet("password-file"), c.Bool("password-prompt"); {
	case file && prompt:
		return nil, apperr.Usage("--password-file and --password-prompt exclude each other")
	case file:
		s, err = env.readSecret(c.String("password-file"))
	case prompt && env.Prompt == nil:
		err = apperr.Usage("--password-prompt needs a terminal; use --password-file")
	case prompt:
		s, err = env.askSecret("Password")
	default:
		return nil, nil
	}
	return &s, err
}

func ldapRules(ctx context.Context, env *Env) (*devices.Rules, error) {
	s, err := env.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return sealedDeviceRules(ctx, env, s)
}

func showDirectoryJSON(ctx context.Context, env *Env, s *store.Store, name string) error {
	if env.Format != term.JSON {
		return nil
	}
	return showDirectory(ctx, env, s, name)
}

// readDirectory returns empty settings for a directory of a later capf.
func readDirectory(d store.Directory) directory.Directory {
	v, err := directory.ReadDirectory(d)
	if err != nil {
		return directory.Directory{URL: "(not readable)"}
	}
	return v
}
