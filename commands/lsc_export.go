package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
)

func lscExportCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "export", Args: "SERIAL", Short: "write out a certificate that was issued for a phone",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf lsc export 4f3c9a0d --out lsc.pem",
		Flags:   exportFlags(),
		Run: func(c *cli.Context) error {
			return lscExport(c.Context, env, c.Args().First(), exportChoice(c))
		},
	}
}

func lscExport(ctx context.Context, env *Env, serial string, o exportOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	l, err := s.LSC(ctx, serial)
	if err == nil {
		err = kept(l)
	}
	if err != nil {
		return err
	}
	return exportChain(env, o, l.Certificate)
}
