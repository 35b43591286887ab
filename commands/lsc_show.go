package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/lscs"
	"capf/store"
)

func lscShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "SERIAL", Short: "show a certificate that was issued for a phone",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The serial number is hexadecimal, as openssl and browsers show it: with or without
colons, 0x and leading zeros.`,
		Example: "capf lsc show 4f3c9a0d --json",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return lscShow(c.Context, env, c.Args().First()) },
	}
}

func lscShow(ctx context.Context, env *Env, serial string) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	l, err := lscs.BySerial(ctx, s, serial)
	if err != nil {
		return err
	}
	voucher, err := voucherOf(ctx, s, l)
	if err != nil {
		return err
	}
	now := env.Now()
	fields := []field{
		{"Serial", "serial", l.Serial},
		{"Device", "device", l.Device},
		{"Subject", "subject", l.Subject},
		{"Issuer", "issuer", l.Issuer},
		{"Key", "key_kind", l.KeyKind},
		{"State", "state", l.State},
		{"Expired", "expired", now.After(l.NotAfter)},
		{"Valid from", "not_before", l.NotBefore},
		{"Valid until", "not_after", l.NotAfter},
		{"Days left", "days_left", daysLeft(now, l.NotAfter)},
		{"Issued", "issued_at", l.IssuedAt},
		{"Installed", "installed_at", l.InstalledAt},
		{"Ended", "ended_at", l.EndedAt},
		{"Revoked", "revoked_at", l.RevokedAt},
		{"Reason", "revocation_reason", l.Reason},
		{"SHA-256", "fingerprint_sha256", l.Fingerprint},
		{"Request", "request_id", l.RequestID},
	}
	fields = append(fields, voucherFields(voucher)...)
	pem := ""
	if len(l.Certificate) > 0 {
		pem = string(crypto.CertificatePEM(l.Certificate))
	}
	return showObject(env, append(fields, field{"", "pem", pem}))
}

// voucherOf is what proved the identity of the phone that got the certificate. It
// is stored with the request, which may have been deleted since.
func voucherOf(ctx context.Context, s *store.Reader, l store.LSC) (store.Voucher, error) {
	if l.RequestID == 0 {
		return store.Voucher{}, nil
	}
	request, err := s.Request(ctx, l.RequestID)
	return request.Voucher, err
}

func voucherFields(v store.Voucher) []field {
	return []field{
		{"Vouched for by", "voucher", v.Kind},
		{"Its SHA-256", "voucher_sha256", v.Fingerprint},
	}
}

// kept refuses an LSC whose certificate has been deleted.
func kept(l store.LSC) error {
	if len(l.Certificate) > 0 {
		return nil
	}
	return fmt.Errorf("the certificate with serial %q has been deleted as stale: %w", l.Serial, store.ErrNotFound)
}
