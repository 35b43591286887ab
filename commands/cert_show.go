package commands

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/store"
)

func certShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "ID", Short: "show a trust certificate, or one of our own",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   ownIDs,
		Example: "capf cert show capf --json",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return certShow(c.Context, env, c.Args().First()) },
	}
}

func certShow(ctx context.Context, env *Env, id string) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	found, err := ownChain(ctx, s, id)
	if err == nil && found == nil {
		found, err = findTrust(ctx, s, "", []string{id})
	}
	if err != nil {
		return err
	}
	t := found[0]
	c, err := x509.ParseCertificate(t.Certificate)
	if err != nil {
		return fmt.Errorf("reading certificate %q: %w", id, err)
	}
	fields := []field{
		{"Purpose", "purpose", string(t.Purpose)},
		{"Subject", "subject", t.Subject},
		{"Issuer", "issuer", t.Issuer},
		{"Serial", "serial", t.Serial},
		{"Valid from", "not_before", t.NotBefore},
		{"Valid until", "not_after", t.NotAfter},
		{"Days left", "days_left", daysLeft(env.Now(), t.NotAfter)},
		{"CA", "ca", c.IsCA},
		{"Key", "key", keyWords(c)},
		{"Signature", "signature", c.SignatureAlgorithm.String()},
		{"SHA-256", "fingerprint_sha256", t.Fingerprint},
		{"SHA-1", "fingerprint_sha1", sha1Of(t.Certificate)},
	}
	if t.ID != 0 {
		fields = append([]field{{"ID", "id", t.ID}}, fields...)
		fields = append(fields,
			field{"Description", "description", t.Description},
			field{"For", "for", t.For.Names()},
			field{"", "undecided", t.Undecided},
			field{"", "foreign_capf", t.For.Has(store.ForForeignLSC)},
			field{"Added", "added_at", t.AddedAt})
	}
	if t.Purpose == preparedPurpose {
		p, err := s.Prepared(ctx)
		if err != nil {
			return err
		}
		fields = append(fields, preparedFields(p)...)
	}
	return showObject(env, append(fields, field{"", "pem", string(crypto.CertificatePEM(t.Certificate))}))
}
