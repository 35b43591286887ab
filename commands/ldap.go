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

// directoryFlags say how a directory is reached, for the commands that add and
// change one.
func directoryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "url", Usage: "`ADDRESS`: ldaps://HOST[:PORT], or ldap://HOST[:PORT] with --start-tls"},
		&cli.BoolFlag{Name: "start-tls", Usage: "secure an ldap:// connection before anything else"},
		&cli.StringFlag{Name: "ca-file", Usage: "`FILE` with the CA of the directory's certificate (default: the CAs of the system)"},
		&cli.StringFlag{Name: "bind-dn", Usage: "the `DN` to bind as (default: anonymous)"},
		&cli.StringFlag{Name: "password-file", Usage: "read the password from `FILE` (- is stdin)"},
		&cli.BoolFlag{Name: "password-prompt", Usage: "ask for the password on the terminal"},
		&cli.StringFlag{Name: "base", Usage: "the `DN` under which the people are"},
		&cli.StringFlag{Name: "filter", Usage: "`FILTER` of RFC 4515 (default " + directory.DefaultFilter + ")"},
		&cli.StringFlag{Name: "device-name", Usage: "name of the device, with attributes as in `CSF{uid}`"},
		&cli.StringFlag{Name: "description", Usage: "description of the device, with attributes as in `{cn}`"},
		&cli.StringFlag{Name: "feature-group", Usage: "the feature group template `NAME`; only while it has never been synced"},
		&cli.StringFlag{Name: "page-size", Usage: "ask for so many `ENTRIES` at a time (default 500)"},
		&cli.StringFlag{Name: "timeout", Usage: "`TIME` for an answer, such as 30s or 2m (default 30s)"},
	}
}

// directoryOptions is what was given about a directory.
type directoryOptions struct {
	name     string
	settings directory.Directory
	password *string
	group    *string
}

// directoryChoice reads what was given, over what there is.
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

// directoryClears are the settings of a directory that can be taken away.
func directoryClears() []string {
	return []string{"bind-dn", "ca-file", "description", "feature-group"}
}

// clearDirectory takes settings away. Without a name to bind as there is no
// password either.
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

// directoryPassword gets the password of a bind, which is never an argument; nil when
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

func ldapAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Args: "NAME", Short: "add an LDAP directory whose people have devices",
		About: `Nothing is asked of the directory yet: ldap sync --dry-run tries it. The
password is kept sealed under the master key. Adding a directory again that is as
asked changes nothing.`,
		Example: "capf ldap add staff --url ldaps://ldap.example.com --base ou=people,dc=example,dc=com --device-name 'CSF{uid}' --feature-group staff",
		Output:  cmdline.Object, Flags: directoryFlags(),
		Run: func(c *cli.Context) error {
			for _, name := range []string{"url", "base", "device-name"} {
				if c.String(name) == "" {
					return apperr.Usage("--%s is missing", name)
				}
			}
			o, err := directoryChoice(env, c, directory.Directory{
				Filter: directory.DefaultFilter, PageSize: directory.DefaultPageSize, Seconds: directory.DefaultSeconds,
			})
			if err != nil {
				return err
			}
			return ldapAdd(c.Context, env, o)
		},
	}
}

func ldapAdd(ctx context.Context, env *Env, o directoryOptions) error {
	r, err := ldapRules(ctx, env)
	if err != nil {
		return err
	}
	added, err := directory.AddDirectory(ctx, r, env.actor(), o.name, value(o.group), o.password, o.settings)
	if err != nil {
		return err
	}
	if added {
		env.say("directory %s added", o.name)
	} else {
		env.say("directory %s exists as asked, nothing was changed", o.name)
	}
	return showDirectoryJSON(ctx, env, r.Store, o.name)
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func ldapRules(ctx context.Context, env *Env) (*devices.Rules, error) {
	s, err := env.openStore(ctx)
	if err != nil {
		return nil, err
	}
	return sealedDeviceRules(ctx, env, s)
}

func ldapSetCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Args: "NAME", Short: "change how a directory is reached and read",
		About: `Only what is given is changed. A feature group template can be given only while
the directory has never been synced.

The password belongs to the place for which it was given: another host, port,
scheme or CA removes it, unless it is given again with them.`,
		Example: "capf ldap set staff --filter '(&(objectClass=person)(l=Berlin))'",
		Output:  cmdline.Object, Flags: directoryFlags(), Clears: directoryClears(),
		Run: func(c *cli.Context) error {
			if c.NumFlags() == 0 {
				return apperr.WithHint(apperr.Usage("nothing to change was given"), "capf ldap set --help lists the settings")
			}
			return ldapSet(c, env)
		},
	}
}

func ldapSet(c *cli.Context, env *Env) error {
	ctx := c.Context
	r, err := ldapRules(ctx, env)
	if err != nil {
		return err
	}
	d, err := r.Store.Directory(ctx, c.Args().First())
	if err != nil {
		return err
	}
	was, err := directory.ReadDirectory(d)
	if err != nil {
		return err
	}
	o, err := directoryChoice(env, c, was)
	if err != nil {
		return err
	}
	dropped, err := directory.ChangeDirectory(ctx, r, env.actor(), d, o.settings, o.password, o.group)
	if err != nil {
		return err
	}
	env.say("directory %s changed", d.Name)
	if dropped {
		env.warn([]string{"the password was given for another address or CA than this, and is removed"})
		env.say("hint: capf ldap set %s --password-file FILE, or --password-prompt", d.Name)
	}
	return showDirectoryJSON(ctx, env, r.Store, d.Name)
}

func showDirectoryJSON(ctx context.Context, env *Env, s *store.Store, name string) error {
	if env.Format != term.JSON {
		return nil
	}
	return showDirectory(ctx, env, s, name)
}

func ldapListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the LDAP directories",
		Privilege: cmdline.Look,
		Example:   "capf ldap list",
		Output:    cmdline.List,
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			all, err := s.Directories(c.Context)
			if err != nil {
				return err
			}
			return showList(env, values(all), directoryColumns, "there is no directory")
		},
	}
}

var directoryColumns = []column[store.Directory]{
	{"Name", "name", func(d store.Directory) any { return d.Name }},
	{"Address", "url", func(d store.Directory) any { return readDirectory(d).URL }},
	{"Base", "base", func(d store.Directory) any { return readDirectory(d).Base }},
	{"Device name", "device_name", func(d store.Directory) any { return readDirectory(d).DeviceName }},
	{"Feature group", "feature_group", func(d store.Directory) any { return d.FeatureGroup }},
	{"First sync", "first_sync_at", func(d store.Directory) any { return term.WithZone(d.FirstSyncAt) }},
	{"Last sync", "last_sync_at", func(d store.Directory) any { return term.WithZone(d.LastSyncAt) }},
}

// readDirectory is empty for a directory of a later capf.
func readDirectory(d store.Directory) directory.Directory {
	v, err := directory.ReadDirectory(d)
	if err != nil {
		return directory.Directory{URL: "(not readable)"}
	}
	return v
}

func ldapShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "NAME", Short: "show a directory, and how many devices it has named",
		Privilege: cmdline.Look,
		Example:   "capf ldap show staff",
		Output:    cmdline.Object,
		Run: func(c *cli.Context) error {
			s, err := env.openToAsk(c.Context)
			if err != nil {
				return err
			}
			return showDirectory(c.Context, env, s, c.Args().First())
		},
	}
}

func showDirectory(ctx context.Context, env *Env, s *store.Store, name string) error {
	d, err := s.Directory(ctx, name)
	if err != nil {
		return err
	}
	n, err := s.CountDirectory(ctx, d.ID)
	if err != nil {
		return err
	}
	v := readDirectory(d)
	return showObject(env, []field{
		{"Name", "name", d.Name}, {"Address", "url", v.URL}, {"StartTLS", "start_tls", v.StartTLS},
		{"Own CA", "own_ca", v.CA != ""}, {"Binds as", "bind_dn", v.BindDN}, {"Password set", "password_set", d.SealedPassword != nil},
		{"Base", "base", v.Base}, {"Filter", "filter", v.Filter},
		{"Device name", "device_name", v.DeviceName}, {"Description", "description", v.About},
		{"Feature group", "feature_group", d.FeatureGroup}, {"Page size", "page_size", v.PageSize},
		{"Seconds for an answer", "timeout_seconds", v.Seconds},
		{"First sync", "first_sync_at", term.WithZone(d.FirstSyncAt)}, {"Last sync", "last_sync_at", term.WithZone(d.LastSyncAt)},
		{"Devices", "devices", n.Devices}, {"Missing in the directory", "missing", n.Missing},
	})
}

func ldapDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a directory; its devices stay",
		Example: "capf ldap delete staff --yes",
		Output:  cmdline.Object, Flags: removalFlags(),
		Run: func(c *cli.Context) error {
			return deleteNamed(c.Context, env, removal(c), "directory",
				func(ctx context.Context, s *store.Store, name string) error {
					_, err := s.Directory(ctx, name)
					return err
				},
				func(ctx context.Context, s *store.Store, name string) error {
					return directory.Delete(ctx, s, env.actor(), name)
				})
		},
	}
}
