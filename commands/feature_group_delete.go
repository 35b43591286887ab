package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/templates"
	"capf/store"
)

func featureGroupDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a feature group template",
		Role:    cmdline.Operator,
		About:   `One that a directory names is not deleted.`,
		Example: "capf feature-group delete staff --yes",
		Output:  cmdline.Object, Flags: removalFlags(),
		Run: func(c *cli.Context) error {
			return deleteNamed(c.Context, env, removal(c), "feature group",
				func(ctx context.Context, s *store.Store, name string) error {
					_, err := s.FeatureGroup(ctx, name)
					return err
				},
				func(ctx context.Context, s *store.Store, name string) error {
					return templates.DeleteFeatureGroup(ctx, s, env.actor(), name)
				})
		},
	}
}
