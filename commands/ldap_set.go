package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/directory"
	"capf/internal/apperr"
)

func ldapSetCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Args: "NAME", Short: "change how a directory is reached and read",
		Role: cmdline.Operator,
		About: `Only the given settings change. A feature group template can be given only before
the first sync.

The password is valid only for the server for which it was given: another host,
port, scheme or CA removes it, unless it is given again with them.`,
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
		env.warn([]string{"the password was given for a different address or CA, and is removed"})
		env.say("hint: capf ldap set %s --password-file FILE, or --password-prompt", d.Name)
	}
	return showDirectoryJSON(ctx, env, r.Store, d.Name)
}
