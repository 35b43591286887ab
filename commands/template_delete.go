package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/templates"
	"capf/store"
)

func templateDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a template",
		Role:    cmdline.Operator,
		About:   `One that a feature group template names is not deleted.`,
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
