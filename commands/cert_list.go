package commands

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/store"
)

func certListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the certificates in the trust stores",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf cert list --purpose capf-trust",
		Output:  cmdline.List, Columns: headings(trustColumns(time.Time{})),
		Flags: []cli.Flag{&cli.StringFlag{Name: "purpose", Usage: "only the `STORE`: " + strings.Join(purposeNames(), ", ") +
			"; or capf for the CAPF certificate and its chain, and those that are prepared"}},
		Run: func(c *cli.Context) error {
			if strings.EqualFold(c.String("purpose"), capfPurpose) {
				return capfList(c.Context, env)
			}
			var purpose store.Purpose
			if c.IsSet("purpose") {
				var err error
				if purpose, err = parsePurpose(c.String("purpose"), capfPurpose); err != nil {
					return err
				}
			}
			return certList(c.Context, env, purpose)
		},
	}
}

// capfList lists the CAPF certificate and those above it, and what is prepared. They are
// in no trust store and so have no id.
func capfList(ctx context.Context, env *Env) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	chain, err := capfChain(ctx, s)
	if err != nil {
		return err
	}
	prepared, err := preparedChain(ctx, s)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	chain = append(chain, prepared...)
	columns := trustColumns(env.Now())
	columns[0] = column[store.TrustCertificate]{"", "id", wide, func(store.TrustCertificate) any { return nil }}
	return showList(env, values(chain), columns, "")
}

func certList(ctx context.Context, env *Env, purpose store.Purpose) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	rows, err := s.Trust(ctx, purpose)
	if err != nil {
		return err
	}
	return showList(env, values(rows), trustColumns(env.Now()), "there is no trust certificate")
}

// trustColumns are the properties of a trust certificate in a list.
func trustColumns(now time.Time) []column[store.TrustCertificate] {
	return []column[store.TrustCertificate]{
		{"ID", "id", always, func(t store.TrustCertificate) any { return t.ID }},
		{"Purpose", "purpose", usual, func(t store.TrustCertificate) any { return string(t.Purpose) }},
		{"Subject", "subject", always, func(t store.TrustCertificate) any { return t.Subject }},
		{"Issuer", "issuer", wide, func(t store.TrustCertificate) any { return t.Issuer }},
		{"Serial", "serial", wide, func(t store.TrustCertificate) any { return t.Serial }},
		{"Valid from", "not_before", wide, func(t store.TrustCertificate) any { return t.NotBefore }},
		{"Valid until", "not_after", always, func(t store.TrustCertificate) any { return t.NotAfter }},
		{"Days left", "days_left", seldom, func(t store.TrustCertificate) any { return daysLeft(now, t.NotAfter) }},
		{"For", "for", usual, func(t store.TrustCertificate) any { return t.For.Names() }},
		{"", "undecided", wide, func(t store.TrustCertificate) any { return t.Undecided }},
		{"Description", "description", usual, func(t store.TrustCertificate) any { return t.Description }},
		{"", "foreign_capf", wide, func(t store.TrustCertificate) any { return t.For.Has(store.ForForeignLSC) }},
		{"SHA-256", "fingerprint_sha256", wide, func(t store.TrustCertificate) any { return t.Fingerprint }},
		{"Added", "added_at", wide, func(t store.TrustCertificate) any { return t.AddedAt }},
	}
}
