package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/authority"
	"capf/enroll/lscs"
)

func lscExportCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "export", Args: "SERIAL", Short: "write out a certificate that was issued for a phone",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The serial number may be shortened to its first digits, four or more, if no other
certificate begins with them.

With --issuer it is the certificate that signed it: the CAPF certificate or an
earlier one, or that of another CA. Another cluster needs exactly that one to accept
the LSC of a phone that moves there.`,
		Example: "capf lsc export 4f3c9a0d --out lsc.pem",
		Flags:   append(exportFlags(), &cli.BoolFlag{Name: "issuer", Usage: "write the certificate that signed it instead"}),
		Run: func(c *cli.Context) error {
			return lscExport(c.Context, env, c.Args().First(), exportChoice(c), c.Bool("issuer"))
		},
	}
}

func lscExport(ctx context.Context, env *Env, serial string, o exportOptions, issuer bool) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	l, err := lscs.BySerial(ctx, s, serial)
	if err == nil {
		err = kept(l)
	}
	if err != nil {
		return err
	}
	if issuer {
		c, err := authority.LSCIssuer(ctx, s, l)
		if err != nil {
			return err
		}
		return exportChain(env, o, c.Raw)
	}
	return exportChain(env, o, l.Certificate)
}
