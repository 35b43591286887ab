package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
)

// onlyYes refuses the flags that are about the CAPF certificate.
func onlyYes(c *cli.Context) error {
	for _, name := range []string{"organization", "unit", "locality", "state", "country", "key-bits", "after", "cancel", "compromised", "dry-run", "bypass-approval"} {
		if c.IsSet(name) {
			return apperr.Usage("--%s is for the CAPF certificate, not for that of TVS", name)
		}
	}
	return nil
}

// certRegenerateTVS makes a new key and certificate for TVS. The running serve shows it
// at once: the list that carries it is signed by a key that phones know, so no phone is
// locked out meanwhile.
func certRegenerateTVS(ctx context.Context, env *Env, yes bool) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	old, err := s.TVSCertificate(ctx)
	if err != nil {
		return apperr.WithHint(err, "capf service activate tvs makes it")
	}
	env.say("impact: phones ask TVS again only once they have the list with the new certificate; until then they refuse what only TVS vouches for")
	if err := consentOr(env, "add --yes", yes, "replace the key and certificate of TVS, SHA-256 %x", crypto.RawFingerprint(old.Certificate)); err != nil {
		return err
	}
	sealer, err := openSealer(ctx, env, s.Reader)
	if err != nil {
		return err
	}
	c, err := tvsMaker(env, s, sealer).Regenerate(ctx, env.actor())
	if err != nil {
		return err
	}
	if err := showObject(env, []field{
		{"Subject", "subject", c.Subject.String()},
		{"Serial", "serial", serialnumber.Text(c.SerialNumber)},
		{"Valid until", "not_after", c.NotAfter},
		{"SHA-256", "fingerprint_sha256", crypto.Fingerprint(c)},
	}); err != nil {
		return err
	}
	return tellLists(ctx, env, s.Reader)
}
