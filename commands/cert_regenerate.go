package commands

import (
	"context"
	"crypto/x509"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/restart"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

type certRegenerateOptions struct {
	initOptions
	described   bool // a name or a size was asked for
	after       authority.Delay
	yes         bool
	compromised bool
	cancel      bool
	dryRun      bool
}

func certRegenerateCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "regenerate", Args: "capf|tvs", Short: "make a new CAPF key and a new self-signed CAPF certificate, or those of TVS",
		Role: cmdline.Admin,
		About: `The organization stays unless flags name another. The previous certificate goes
to capf-trust, so that phones can still authenticate with the LSCs that it signed;
one that a company CA has signed has to be signed again. Phones and call servers
that trust the old CAPF certificate have to be given the new one. Until then a
running serve goes on with the old one; capf status says so, and capf service
restart capf puts the new one in force.

Once there are trust lists (capf trust-list init), the change has two steps, so
that no phone is locked out. The first run prepares the new certificate: trust
lists carry it at once and TVS vouches for it, while serve goes on to show the
present one and LSCs are signed with that. The new one is shown when --after has
passed, by serve itself, or when the command is run again with --yes. So --yes
means "do not ask" in the first run, and "show it now" in the second; together with
--after it only means "do not ask". The second run makes no new key. Without
--yes, it says what is prepared, and asks. --after in the second run sets the time
anew; a span such as 7d counts from when the certificate was prepared, so that the
same line run twice changes nothing. --cancel gives the prepared one up.

Use --compromised if somebody else may have the old key. The old certificate, and
every one with the same key, leaves the trust stores and trust lists; what it has
signed is revoked (ca-compromise); a running serve shows the new one at once; and
the devices that must enrol again are listed. A prepared certificate becomes the new
one, unless flags describe another: use --cancel first if its key may be known too.

With tvs it is the key and certificate of the service tvs, which shows them at once.
Trust lists carry the new one in place of the old one; no phone is locked out.`,
		Example: "capf cert regenerate capf --yes",
		Output:  cmdline.Object,
		Flags: append(nameFlags(), &cli.BoolFlag{Name: "yes", Usage: "do not ask; if a certificate is prepared already, show it now"},
			afterFlag("when serve is to show"),
			&cli.BoolFlag{Name: "cancel", Usage: "give the prepared certificate up"},
			&cli.BoolFlag{Name: "compromised", Usage: "no longer trust the old certificate, and revoke what it has signed"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be done"}, bypassFlag()),
		Run: func(c *cli.Context) error {
			if c.Args().First() == tvsCertificate {
				if err := onlyYes(c); err != nil {
					return err
				}
				return certRegenerateTVS(c.Context, env, c.Bool("yes"))
			}
			if err := onlyCAPF(c.Args().First(), tvsCertificate); err != nil {
				return err
			}
			choice, err := certRegenerateChoice(c, env)
			switch {
			case err != nil:
				return err
			case choice.compromised:
				return certCompromised(c.Context, env, choice)
			}
			return certRegenerate(c.Context, env, choice)
		},
	}
}

func certRegenerateChoice(c *cli.Context, env *Env) (o certRegenerateOptions, err error) {
	if o.initOptions, err = initChoice(c); err != nil {
		return o, err
	}
	o.described = o.named || c.IsSet("key-bits")
	o.yes, o.compromised, o.cancel, o.dryRun = c.Bool("yes"), c.Bool("compromised"), c.Bool("cancel"), c.Bool("dry-run")
	if o.after, err = afterChoice(c, env, shownNow); err != nil {
		return o, err
	}
	switch {
	case o.compromised && o.after.Set():
		return o, apperr.Usage("--compromised and --after exclude each other: what takes the place of a compromised certificate is shown at once")
	case o.compromised && o.cancel:
		return o, apperr.Usage("--compromised and --cancel exclude each other: cancel first")
	case o.cancel && (o.described || o.after.Set()):
		return o, apperr.Usage("--cancel goes with none of --after and the flags that describe a new certificate")
	}
	return o, nil
}

// certRegenerate takes the next step of a change of the CAPF certificate.
func certRegenerate(ctx context.Context, env *Env, o certRegenerateOptions) error {
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	p, leaf, err := authority.PreparedNow(ctx, s.Reader)
	switch {
	case err != nil:
		return err
	case p == nil && o.cancel:
		return authority.NothingPrepared()
	case p == nil:
		return certReplace(ctx, env, s, o)
	case o.described:
		return authority.AlreadyPrepared(*p)
	}
	prepared := preparedCertificate{env, s, *p, leaf}
	switch {
	case o.cancel:
		return prepared.cancel(ctx, o)
	case o.after.Set():
		return prepared.postpone(ctx, o)
	}
	return prepared.show(ctx, o)
}

// certReplace makes the new certificate, which is prepared once there are trust lists.
func certReplace(ctx context.Context, env *Env, s *store.Store, o certRegenerateOptions) error {
	prepares, err := authority.Prepares(ctx, s.Reader)
	if err != nil {
		return err
	}
	if err := tellDependence(ctx, env, s.Reader); err != nil {
		return err
	}
	what := "replace the CAPF key and certificate"
	if prepares {
		what = "prepare a new CAPF key and certificate"
	} else if !o.yes {
		env.say("impact: phones need the new certificate in their CTL or ITL file before serve is restarted: capf cert export capf")
	}
	if err := consentOr(env, "add --yes", o.yes || o.dryRun, "%s", what); err != nil {
		return err
	}
	var name *crypto.Name
	if o.named {
		name = &o.name
	}
	a, prepared, err := approvals(env, s).CAPF().Regenerate(ctx, name, o.keyBits, o.after)
	switch {
	case err != nil:
		return err
	case o.dryRun:
		env.say("it would %s", what)
		return nil
	case prepared:
		return tellPrepared(ctx, env, s.Reader)
	}
	env.say(previousKept)
	if err := showObject(env, newCertificateFields(a.Leaf())); err != nil {
		return err
	}
	return tellRestart(ctx, env, s.Reader, restart.Certificate)
}

func newCertificateFields(c *x509.Certificate) []field {
	return []field{
		{"Subject", "subject", c.Subject.String()},
		{"Serial", "serial", serialnumber.Text(c.SerialNumber)},
		{"Valid until", "not_after", c.NotAfter},
		{"SHA-256", "fingerprint_sha256", crypto.Fingerprint(c)},
	}
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
