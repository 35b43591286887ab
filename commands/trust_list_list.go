package commands

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
)

func trustListListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "what the next trust list carries, and why",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The certificates stand in the order of the list: first those of the keys that sign
lists, then the CAPF certificate and, while a new one is prepared, that; then the one
of the service tvs, and what trust-list add has put there, which has a number.

All phones get the same certificates. They differ in the digest and the signer
version of their lists: "capf trust-list devices" says who gets what.`,
		Example: "capf trust-list list",
		Output:  cmdline.List, Columns: headings(entryColumns(time.Time{})),
		Run: func(c *cli.Context) error { return trustListList(c.Context, env) },
	}
}

func trustListList(ctx context.Context, env *Env) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	entries, err := lists.Contents(ctx, s)
	if err != nil {
		return err
	}
	exist, err := lists.Exist(ctx, s)
	if err != nil {
		return err
	}
	made, err := s.ListsChanged(ctx)
	if err != nil {
		return err
	}
	set, err := settings.Read(ctx, s)
	if err != nil {
		return err
	}
	if !exist {
		env.say("there are no trust lists yet: capf trust-list init makes the keys that sign them")
		made = time.Time{}
	}
	return showDocument(env, []field{
		{"Made", "made_at", made},
		{"Digest", "digest", set.ListDigest},
		{"Signer version", "signer_version", set.ListSignerVersion},
	}, "certificates", values(entries), entryColumns(env.Now()))
}

// entryColumns are the properties of a certificate that lists carry.
func entryColumns(now time.Time) []column[lists.Entry] {
	return []column[lists.Entry]{
		{"ID", "id", always, func(e lists.Entry) any {
			if e.Member == nil {
				return nil
			}
			return e.Member.ID
		}},
		{"Role", "role", always, func(e lists.Entry) any { return e.Role.String() }},
		{"Subject", "subject", always, func(e lists.Entry) any { return e.Certificate.Subject.String() }},
		{"Why", "why", usual, func(e lists.Entry) any { return term.Message(e.Why) }},
		{"Valid until", "not_after", always, func(e lists.Entry) any { return e.Certificate.NotAfter }},
		{"Days left", "days_left", seldom, func(e lists.Entry) any { return daysLeft(now, e.Certificate.NotAfter) }},
		{"Key", "key", seldom, func(e lists.Entry) any { return e.Member == nil || e.Member.SealedKey != nil }},
		{"DNS name", "dns_name", wide, func(e lists.Entry) any {
			if e.Member == nil {
				return ""
			}
			return e.Member.DNSName
		}},
		{"Issuer", "issuer", wide, func(e lists.Entry) any { return e.Certificate.Issuer.String() }},
		{"Serial", "serial", wide, func(e lists.Entry) any { return serialnumber.Text(e.Certificate.SerialNumber) }},
		{"SHA-256", "fingerprint_sha256", wide, func(e lists.Entry) any { return crypto.Fingerprint(e.Certificate) }},
	}
}
