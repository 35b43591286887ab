package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/authority"
	"capf/internal/apperr"
)

func certExportCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "export", Args: "ID", Short: "write out a trust certificate, or one of our own",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: ownIDs + `

With --all it is everything that servers need to verify LSCs, such as RADIUS
servers: the CAPF certificate, the one that is prepared, the earlier CAPF
certificates that signed LSCs which phones may still have, and the CAs above them
that capf knows.`,
		Example: "capf cert export capf --all --out phones.pem",
		Flags: append(exportFlags(),
			&cli.BoolFlag{Name: "all", Usage: "with capf: also the earlier CAPF certificates that LSCs still depend on"}),
		Run: func(c *cli.Context) error {
			id, o := c.Args().First(), exportChoice(c)
			switch {
			case c.Bool("all") && id != capfPurpose:
				return apperr.Usage("--all goes with capf, the CAPF certificate")
			case c.Bool("all") && o.der:
				return apperr.Usage("--all writes several certificates, so it does not go with --der")
			case c.Bool("all"):
				return certExportAll(c.Context, env, o)
			}
			return certExport(c.Context, env, id, o)
		},
	}
}

// certExportAll writes what verifies LSCs, and says what is missing.
func certExportAll(ctx context.Context, env *Env, o exportOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	all, err := authority.FindIssuers(ctx, s)
	if err != nil {
		return err
	}
	var ders [][]byte
	for _, c := range all.Chain {
		ders = append(ders, c.Raw)
	}
	if err := exportChain(env, o, ders...); err != nil {
		return err
	}
	for _, c := range all.Open {
		env.warn([]string{fmt.Sprintf("%q was issued by %q, which is not known here: servers may need it too", c.Subject.CommonName, c.Issuer.String())})
	}
	for _, u := range all.Unknown {
		env.warn([]string{fmt.Sprintf("phones may have LSCs (%d) of %s, which is no longer in capf-trust", u.Possible, u.Issuer)})
	}
	return nil
}

func certExport(ctx context.Context, env *Env, id string, o exportOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	found, err := ownChain(ctx, s, id)
	if err != nil {
		return err
	}
	if found == nil {
		if found, err = findTrust(ctx, s, "", []string{id}); err != nil {
			return err
		}
		found = found[:1]
	}
	var chain [][]byte
	for _, c := range found {
		chain = append(chain, c.Certificate)
	}
	return exportChain(env, o, chain...)
}
