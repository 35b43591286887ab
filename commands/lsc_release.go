package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/lscs"
)

func lscReleaseCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "release", Args: "SERIAL", Short: "undo the revocation of a certificate on hold",
		Role: cmdline.Operator,
		About: `Only a certificate that was revoked with the reason certificate-hold can be
released. It returns to its previous state, or to what it has become meanwhile:
replaced, if its phone has got another one.`,
		Example: "capf lsc release 4f3c9a0d",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return lscRelease(c.Context, env, c.Args().First()) },
	}
}

func lscRelease(ctx context.Context, env *Env, serial string) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	full, err := lscs.FullSerials(ctx, s.Reader, serial)
	if err != nil {
		return err
	}
	l, err := revoker(env, s).Release(ctx, env.actor(), full[0])
	if err != nil {
		return err
	}
	env.say("the certificate %s of %s is %s again", l.Serial, l.Device, l.State)
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "serial", l.Serial}, {"", "device", l.Device}, {"", "state", l.State}})
}
