package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/directory"
	"capf/internal/apperr"
)

func ldapAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Args: "NAME", Short: "add an LDAP directory whose people get devices",
		Role: cmdline.Operator,
		About: `The directory is not contacted yet: ldap sync --dry-run tries it. The password is
sealed under the master key. Adding a directory again with the same settings
changes nothing.`,
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
