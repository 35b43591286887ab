package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/directory"
	"capf/store"
)

func ldapDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a directory; its devices stay",
		Role:    cmdline.Operator,
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
