package commands

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/store"
)

func lscListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the certificates that were issued for phones",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `A certificate is issued until its phone confirms it, then installed, and later
replaced or deleted. It is stale if it was superseded or refused before that, and
revoked if an operator has revoked it. Stale ones that were deleted, but may be on
a phone, are listed only with --state discarded, until they expire.`,
		Example: "capf lsc list --state installed --expires-before +90d",
		Output:  cmdline.List, Columns: headings(lscColumns(time.Time{}, nil)),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "device", Usage: "only devices that match the `PATTERN`"},
			listedFlag(),
			&cli.StringFlag{Name: "state", Usage: "`STATE`: " + strings.Join(store.LSCStates(), ", ")},
			&cli.StringFlag{Name: "issuer", Usage: "only those whose issuer matches the `PATTERN`, or has it in its name"},
			&cli.StringFlag{Name: "serial", Usage: "only the serial `NUMBER`, or its first digits"},
			&cli.StringFlag{Name: "expires-before", Usage: "only those that expire before the `TIME`, such as 2027-01-31 or +90d"},
			&cli.StringFlag{Name: "expires-within", Usage: "only those that expire within the `SPAN`, such as 30d, or have expired"},
		},
		Run: func(c *cli.Context) error {
			f := store.LSCFilter{Device: c.String("device"), Serial: c.String("serial"), IssuedBy: c.String("issuer")}
			var err error
			if f.State, err = parsed(c, "state", store.ParseLSCState); err != nil {
				return err
			}
			if f.ExpiresBefore, err = optional(c, "expires-before", env.deadline); err != nil {
				return err
			}
			within, err := parsed(c, "expires-within", env.span)
			if err != nil {
				return err
			}
			if within > 0 && f.ExpiresBefore != nil {
				return apperr.Usage("--expires-before and --expires-within exclude each other")
			}
			if within > 0 {
				end := env.Now().Add(within)
				f.ExpiresBefore = &end
			}
			if f.Devices, err = listedNames(env, c); err != nil {
				return err
			}
			return lscList(c.Context, env, f)
		},
	}
}

func lscList(ctx context.Context, env *Env, f store.LSCFilter) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	if f.Serial != "" {
		full, err := lscs.FullSerials(ctx, s, f.Serial)
		if err != nil {
			return err
		}
		f.Serial = full[0]
	}
	f.Device = devices.FullPattern(ctx, s, f.Device)
	names, err := shortIssuers(ctx, s)
	if err != nil {
		return err
	}
	if env.Wide {
		names = wholeNames
	}
	columns := ofOneDevice(lscColumns(env.Now(), names), f.Device)
	return forListed(ctx, env, s, &f.Devices, true, func() error {
		return showList(env, s.LSCs(ctx, f), columns, "no certificate matches")
	})
}

// lscColumns are the properties of an LSC in a list. Whether it has expired is up
// to the clock, not to its state.
func lscColumns(now time.Time, issuer func(string) any) []column[store.LSC] {
	return []column[store.LSC]{
		{"Serial", "serial", always, func(l store.LSC) any { return l.Serial }},
		{"Device", "device", always, func(l store.LSC) any { return l.Device }},
		{"Subject", "subject", wide, func(l store.LSC) any { return l.Subject }},
		{"Issuer", "issuer", usual, func(l store.LSC) any { return issuer(l.Issuer) }},
		{"Key", "key_kind", seldom, func(l store.LSC) any { return l.KeyKind }},
		{"State", "state", always, func(l store.LSC) any { return l.State }},
		{"Expired", "expired", seldom, func(l store.LSC) any { return now.After(l.NotAfter) }},
		{"Issued", "issued_at", seldom, func(l store.LSC) any { return l.IssuedAt }},
		{"Installed", "installed_at", wide, func(l store.LSC) any { return l.InstalledAt }},
		{"Ended", "ended_at", wide, func(l store.LSC) any { return l.EndedAt }},
		{"Valid from", "not_before", wide, func(l store.LSC) any { return l.NotBefore }},
		{"Valid until", "not_after", always, func(l store.LSC) any { return l.NotAfter }},
		{"SHA-256", "fingerprint_sha256", wide, func(l store.LSC) any { return l.Fingerprint }},
		{"Request", "request_id", wide, func(l store.LSC) any { return l.RequestID }},
		{"Revoked", "revoked_at", wide, func(l store.LSC) any { return l.RevokedAt }},
		{"Reason", "revocation_reason", wide, func(l store.LSC) any { return l.Reason }},
	}
}
