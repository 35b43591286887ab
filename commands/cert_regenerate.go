package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/restart"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

type certRegenerateOptions struct {
	initOptions
	yes         bool
	compromised bool
	dryRun      bool // only with compromised
}

func certRegenerateCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "regenerate", Args: "capf", Short: "make a new CAPF key and a new self-signed CAPF certificate",
		Role: cmdline.Admin,
		About: `The organization stays unless flags name another. The previous certificate goes
to capf-trust, so that phones can still authenticate with the LSCs that it signed;
one that a company CA has signed has to be signed again. Phones and call servers
that trust the old CAPF certificate have to be given the new one. Until then a
running serve goes on with the old one; capf status says so, and capf service
restart capf puts the new one in force.

Use --compromised if somebody else may have the old key. The old certificate, and
every one with the same key, leaves the trust stores; what it has signed is
revoked (ca-compromise); a running serve is restarted; and the devices that must
enrol again are listed.`,
		Example: "capf cert regenerate capf --yes",
		Output:  cmdline.Object,
		Flags: append(nameFlags(), &cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "compromised", Usage: "no longer trust the old certificate, and revoke what it has signed"},
			&cli.BoolFlag{Name: "dry-run", Usage: "with --compromised: only show what would be done"}, bypassFlag()),
		Run: func(c *cli.Context) error {
			if err := onlyCAPF(c.Args().First()); err != nil {
				return err
			}
			o, err := initChoice(c)
			if err != nil {
				return err
			}
			choice := certRegenerateOptions{o, c.Bool("yes"), c.Bool("compromised"), c.Bool("dry-run")}
			switch {
			case choice.compromised:
				return certCompromised(c.Context, env, choice)
			case choice.dryRun:
				return apperr.Usage("--dry-run needs --compromised")
			}
			return certRegenerate(c.Context, env, choice)
		},
	}
}

func certRegenerate(ctx context.Context, env *Env, o certRegenerateOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	if err := tellDependence(ctx, env, s.Reader); err != nil {
		return err
	}
	if !o.yes {
		env.say("impact: phones need the new certificate in their CTL or ITL file before serve is restarted: capf cert export capf")
	}
	if err := consentOr(env, "add --yes", o.yes, "replace the CAPF key and certificate"); err != nil {
		return err
	}
	var name *crypto.Name
	if o.named {
		name = &o.name
	}
	a, err := approvals(env, s).CAPF().Regenerate(ctx, name, o.keyBits)
	if err != nil {
		return err
	}
	env.say(previousKept)
	c := a.Leaf()
	if err := showObject(env, []field{
		{"Subject", "subject", c.Subject.String()},
		{"Serial", "serial", serialnumber.Text(c.SerialNumber)},
		{"Valid until", "not_after", c.NotAfter},
		{"SHA-256", "fingerprint_sha256", crypto.Fingerprint(c)},
	}); err != nil {
		return err
	}
	return tellRestart(ctx, env, s.Reader, restart.Certificate)
}

// tellDependence says what will still depend on the present CAPF certificate.
func tellDependence(ctx context.Context, env *Env, s *store.Reader) error {
	chain, err := capfChain(ctx, s)
	if err != nil {
		return err
	}
	counts, err := s.LSCIssuers(ctx)
	for _, c := range counts {
		if c.Issuer != chain[0].Subject || c.Installed == 0 {
			continue
		}
		have := "phones have LSCs"
		if c.Installed == 1 {
			have = "phone has an LSC"
		}
		env.say("%d %s of it; for servers that check them, such as RADIUS servers: capf cert export capf --all", c.Installed, have)
	}
	return err
}
