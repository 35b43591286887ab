package commands

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/crypto"
	"capf/store"
)

func certListCommand() command {
	return command{
		name: "list", short: "list the certificates in the trust stores",
		example: "capf cert list --purpose capf-trust",
		output:  list,
		flags:   []cli.Flag{&cli.StringFlag{Name: "purpose", Usage: "only the `STORE`: " + strings.Join(purposeNames(), ", ")}},
		run: func(env *Env, c *cli.Context) error {
			var purpose store.Purpose
			if c.IsSet("purpose") {
				var err error
				if purpose, err = parsePurpose(c.String("purpose")); err != nil {
					return err
				}
			}
			return certList(c.Context, env, purpose)
		},
	}
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

// values makes rows that are in memory already fit for a list.
func values[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// trustColumns are the properties of a trust certificate in a list.
func trustColumns(now time.Time) []column[store.TrustCertificate] {
	return []column[store.TrustCertificate]{
		{"ID", "id", func(t store.TrustCertificate) any { return t.ID }},
		{"Purpose", "purpose", func(t store.TrustCertificate) any { return string(t.Purpose) }},
		{"Subject", "subject", func(t store.TrustCertificate) any { return t.Subject }},
		{"", "issuer", func(t store.TrustCertificate) any { return t.Issuer }},
		{"", "serial", func(t store.TrustCertificate) any { return t.Serial }},
		{"", "not_before", func(t store.TrustCertificate) any { return t.NotBefore }},
		{"Valid until", "not_after", func(t store.TrustCertificate) any { return t.NotAfter }},
		{"Days left", "days_left", func(t store.TrustCertificate) any { return daysLeft(now, t.NotAfter) }},
		{"Description", "description", func(t store.TrustCertificate) any { return t.Description }},
		{"", "foreign_capf", func(t store.TrustCertificate) any { return t.ForeignCAPF }},
		{"", "fingerprint_sha256", func(t store.TrustCertificate) any { return t.Fingerprint }},
		{"", "added_at", func(t store.TrustCertificate) any { return t.AddedAt }},
	}
}

// daysLeft is negative for what has ended.
func daysLeft(now, end time.Time) int {
	days := end.Sub(now).Hours() / 24
	if days < 0 {
		return int(days) - 1
	}
	return int(days)
}

func certShowCommand() command {
	return command{
		name: "show", args: "ID", short: "show a trust certificate",
		about:   `ID is its number in the list, or the beginning of its SHA-256 fingerprint.`,
		example: "capf cert show 1 --json",
		output:  object,
		run:     func(env *Env, c *cli.Context) error { return certShow(c.Context, env, c.Args().First()) },
	}
}

func certShow(ctx context.Context, env *Env, id string) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	found, err := findTrust(ctx, s, []string{id})
	if err != nil {
		return err
	}
	t := found[0]
	return showObject(env, []field{
		{"ID", "id", t.ID},
		{"Purpose", "purpose", string(t.Purpose)},
		{"Subject", "subject", t.Subject},
		{"Issuer", "issuer", t.Issuer},
		{"Serial", "serial", t.Serial},
		{"Valid from", "not_before", t.NotBefore},
		{"Valid until", "not_after", t.NotAfter},
		{"Days left", "days_left", daysLeft(env.Now(), t.NotAfter)},
		{"Description", "description", t.Description},
		{"Another cluster's CAPF", "foreign_capf", t.ForeignCAPF},
		{"SHA-256", "fingerprint_sha256", t.Fingerprint},
		{"Added", "added_at", t.AddedAt},
		{"", "pem", string(crypto.CertificatePEM(t.Certificate))},
	})
}

func certExportCommand() command {
	return command{
		name: "export", args: "ID", short: "write out a trust certificate, or the CAPF certificate",
		about: `ID is its number in the list, or the beginning of its SHA-256 fingerprint, or
capf for the CAPF certificate, in PEM with the chain above it.`,
		example: "capf cert export capf --out capf.pem",
		flags:   exportFlags(),
		run: func(env *Env, c *cli.Context) error {
			return certExport(c.Context, env, c.Args().First(), exportChoice(c))
		},
	}
}

func certExport(ctx context.Context, env *Env, id string, o exportOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	if id == "capf" {
		capf, err := s.Identity(ctx)
		if err != nil {
			return err
		}
		return env.export(o, capf.Chain...)
	}
	found, err := findTrust(ctx, s, []string{id})
	if err != nil {
		return err
	}
	return env.export(o, found[0].Certificate)
}

// shortestPrint is how much of a fingerprint has to be given: fewer digits
// could as well be an id.
const shortestPrint = 12

// findTrust finds trust certificates by id or by the beginning of the
// fingerprint. A fingerprint that is in both stores names both.
func findTrust(ctx context.Context, s *store.Store, names []string) ([]store.TrustCertificate, error) {
	all, err := s.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	var found []store.TrustCertificate
	for _, name := range names {
		print := strings.ToLower(strings.ReplaceAll(name, ":", ""))
		before := len(found)
		for _, t := range all {
			if strconv.FormatInt(t.ID, 10) == name ||
				len(print) >= shortestPrint && strings.HasPrefix(hex.EncodeToString(t.Fingerprint), print) {
				found = append(found, t)
			}
		}
		if len(found) == before {
			return nil, withHint(fmt.Errorf("trust certificate %q: %w", name, store.ErrNotFound), "capf cert list shows the ids")
		}
	}
	slices.SortFunc(found, func(a, b store.TrustCertificate) int { return int(a.ID - b.ID) })
	return slices.CompactFunc(found, func(a, b store.TrustCertificate) bool { return a.ID == b.ID }), nil
}
