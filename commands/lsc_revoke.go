package commands

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/store"
)

type revokeOptions struct {
	removeOptions
	device string
	listed []string // names of devices
	issuer string   // the ID of a certificate, or capf
	reason store.RevocationReason
}

// reasonFlag is the flag of the commands that revoke.
func reasonFlag() cli.Flag {
	return &cli.StringFlag{Name: "reason", Usage: "`REASON` of RFC 5280: " + strings.Join(store.RevocationReasons(), ", "), DefaultText: string(store.Unspecified)}
}

// revocationReason reads the flag.
func revocationReason(c *cli.Context) (store.RevocationReason, error) {
	if !c.IsSet("reason") {
		return store.Unspecified, nil
	}
	return parsed(c, "reason", store.ParseRevocationReason)
}

func lscRevokeCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "revoke", Args: "[SERIAL...]", Short: "revoke certificates",
		Role: cmdline.Operator,
		About: `A revoked certificate is not accepted from the next session on, whatever state it
was in, even if a phone has replaced or deleted it, or if it was deleted from the
list of stale ones. Phones keep what they have: to get a new certificate, a phone
whose certificate is revoked has to authenticate in another way.

Name the certificates by their serial numbers, or their first four digits or more
where these are unique, or name a device, a list of devices or an issuer to revoke all
of its certificates. An issuer is named by its number in "capf cert
list", the beginning of its SHA-256 fingerprint, or capf for the present CAPF
certificate.

Only the reason certificate-hold can be undone, with "capf lsc release". It can be
changed to any other reason, and every reason to key-compromise.`,
		Example: "capf lsc revoke 4f3c9a0d --reason key-compromise --yes",
		Output:  cmdline.List, Columns: headings(revokedColumns),
		Flags: append(removalFlags(), reasonFlag(),
			&cli.StringFlag{Name: "device", Usage: "all certificates of the device `NAME`, including deleted devices of that name"},
			listedFlag(),
			&cli.StringFlag{Name: "issuer", Usage: "all certificates signed by the certificate with the `ID`"}),
		Run: func(c *cli.Context) error {
			o := revokeOptions{removeOptions: removal(c), device: c.String("device"), issuer: c.String("issuer")}
			ways := 0
			for _, given := range []bool{len(o.names) > 0, o.device != "", c.IsSet("devices"), o.issuer != ""} {
				if given {
					ways++
				}
			}
			if ways != 1 {
				return apperr.WithHint(apperr.Usage("name the certificates by serial numbers, --device, --devices or --issuer: one of the four"),
					"capf lsc list shows the serial numbers")
			}
			var err error
			if o.listed, err = listedNames(env, c); err != nil {
				return err
			}
			if o.reason, err = revocationReason(c); err != nil {
				return err
			}
			return lscRevoke(c.Context, env, o)
		},
	}
}

func lscRevoke(ctx context.Context, env *Env, o revokeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	return forListed(ctx, env, s.Reader, &o.listed, true, func() error { return revokeChosen(ctx, env, s, o) })
}

func revokeChosen(ctx context.Context, env *Env, s *store.Store, o revokeOptions) (err error) {
	if o.names, err = lscs.FullSerials(ctx, s.Reader, o.names...); err != nil {
		return err
	}
	choice := lscs.Choice{Serials: o.names, Device: devices.FullName(ctx, s.Reader, o.device), Devices: o.listed}
	if o.issuer != "" {
		if choice.Issuer, err = issuerWithID(ctx, s.Reader, o.issuer); err != nil {
			return err
		}
	}
	list, err := revoker(env, s).Revocable(ctx, choice)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		env.say("there is no unexpired certificate")
		return showRevoked(env, nil, o.dryRun)
	}
	if o.dryRun {
		return revokeLSCs(ctx, env, revoker(env, s.Rehearsal()), list, o)
	}
	if err := env.consent(o.yes, "revoke %s (%s)", named(list), o.reason); err != nil {
		return err
	}
	return revokeLSCs(ctx, env, revoker(env, s), list, o)
}

// named says which certificates are meant, as far as a question has room for it.
func named(list []store.LSC) string {
	if len(list) == 1 {
		return fmt.Sprintf("the certificate %s of %s", list[0].Serial, list[0].Device)
	}
	return counted(len(list), "certificate")
}

// revokeLSCs revokes certificates and reports the outcome for each.
func revokeLSCs(ctx context.Context, env *Env, r lscs.Revoker, list []store.LSC, o revokeOptions) error {
	rows, err := r.Revoke(ctx, env.actor(), list, o.reason)
	changed := revokedNow(rows)
	done := "revoked %s"
	if o.dryRun {
		done = "%s would be revoked"
	}
	if changed > 0 {
		env.say(done, counted(changed, "certificate"))
	}
	if same := len(rows) - changed; same > 0 {
		env.say("%s: revoked already", counted(same, "certificate"))
	}
	if serr := showRevoked(env, rows, o.dryRun); err == nil {
		err = serr
	}
	return err
}

// revokedNow counts those that were not revoked before.
func revokedNow(rows []store.RevokedLSC) (n int) {
	for _, row := range rows {
		if row.Changed {
			n++
		}
	}
	return n
}

func showRevoked(env *Env, rows []store.RevokedLSC, dryRun bool) error {
	n := revokedNow(rows)
	return showOutcome(env, []field{{"", "revoked", n}, {"", "revoked_already", len(rows) - n}, {"", "dry_run", dryRun}}, "certificates", rows, revokedColumns)
}

// issuerWithID finds a certificate as capf cert show does.
func issuerWithID(ctx context.Context, s *store.Reader, id string) (*x509.Certificate, error) {
	find := func() ([]store.TrustCertificate, error) { return findTrust(ctx, s, "", []string{id}) }
	if id == capfPurpose {
		find = func() ([]store.TrustCertificate, error) { return capfChain(ctx, s) }
	}
	found, err := find()
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(found[0].Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading certificate %q: %w", id, err)
	}
	return c, nil
}

// revokedColumns are the outcome of a revocation.
var revokedColumns = []column[store.RevokedLSC]{
	{"Serial", "serial", always, func(l store.RevokedLSC) any { return l.Serial }},
	{"Device", "device", always, func(l store.RevokedLSC) any { return l.Device }},
	{"Issuer", "issuer", wide, func(l store.RevokedLSC) any { return l.Issuer }},
	{"State", "state", wide, func(l store.RevokedLSC) any { return l.State }},
	{"Reason", "revocation_reason", usual, func(l store.RevokedLSC) any { return l.Reason }},
	{"Revoked", "revoked_at", always, func(l store.RevokedLSC) any { return l.RevokedAt }},
	{"Valid until", "not_after", seldom, func(l store.RevokedLSC) any { return l.NotAfter }},
	{"Changed", "changed", wide, func(l store.RevokedLSC) any { return l.Changed }},
}
