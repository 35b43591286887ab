package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/expiry"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/input"
)

type expiryCheckOptions struct {
	within string // "" for the parameter
	scope  expiry.Scope
}

func expiryCheckCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "check", Short: "list what expires within a time, for scripts and monitoring",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `Exits with 7 and a list if anything expires within the time or has expired already,
with 0 and no list if nothing does. Without a flag that says what to look at, it is
everything: the LSCs that phones have confirmed, the trust stores, the CAPF
certificate with those above it, those of TVS and of trust lists, and the client
certificate for an online CA. An LSC is scheduled if its device is to get a new one
and still has time for that.`,
		Example: "capf expiry check --within 30d --lscs --csv",
		Output:  cmdline.List, Columns: headings(endingColumns(time.Time{})),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "within", Usage: "the `SPAN` to look ahead, such as 30d or 12h; 0d finds only what has expired (default: the parameter expiry_warning_days)"},
			&cli.BoolFlag{Name: "lscs", Usage: "look at the LSCs in phones"},
			&cli.BoolFlag{Name: "trust", Usage: "look at the trust stores"},
			&cli.BoolFlag{Name: "capf", Usage: "look at the certificates of capf itself: CAPF and those above it, TVS, trust lists, online_ca_client_certificate"},
			&cli.BoolFlag{Name: "all", Usage: "look at everything"},
		},
		Run: func(c *cli.Context) error {
			o := expiryCheckOptions{c.String("within"), expiry.Scope{LSCs: c.Bool("lscs"), Trust: c.Bool("trust"), CAPF: c.Bool("capf")}}
			if c.Bool("all") || o.scope == (expiry.Scope{}) {
				o.scope = expiry.Scope{LSCs: true, Trust: true, CAPF: true}
			}
			if c.IsSet("within") {
				if _, err := ahead(o.within, env.Now()); err != nil {
					return err
				}
			}
			return expiryCheck(c.Context, env, o)
		},
	}
}

// ahead is the time that lies a span such as 30d ahead.
func ahead(span string, now time.Time) (time.Time, error) {
	until, err := input.Time("+"+strings.TrimPrefix(span, "+"), now)
	if err != nil {
		return until, apperr.Usage("--within: %q is not a span; write 30d or 12h", span)
	}
	return until, nil
}

func expiryCheck(ctx context.Context, env *Env, o expiryCheckOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	env.goOn() // the exit code needs no reader
	now := env.Now()
	if o.within == "" {
		inForce, err := settings.Read(ctx, s)
		if err != nil {
			return err
		}
		o.within = fmt.Sprintf("%dd", int(inForce.ExpiryWarning.Hours()/24))
	}
	until, err := ahead(o.within, now)
	if err != nil {
		return err
	}
	found, ended := 0, 0
	rows := func(yield func(expiry.Ending, error) bool) {
		for e, err := range expiry.Before(ctx, s, o.scope, until) {
			if err == nil && e.NotAfter.Before(now) {
				ended++
			}
			if !yield(e, err) {
				return
			}
		}
	}
	if err := showList(env, tallied(rows, &found), endingColumns(now), "nothing expires within "+strings.TrimPrefix(o.within, "+")); err != nil {
		return err
	}
	if found == 0 {
		return nil
	}
	env.say("%s, %d expired, %d within %s", counted(found, "certificate"), ended, found-ended, strings.TrimPrefix(o.within, "+"))
	return exitExpires
}

func endingColumns(now time.Time) []column[expiry.Ending] {
	return []column[expiry.Ending]{
		{"Kind", "kind", always, func(e expiry.Ending) any { return string(e.Kind) }},
		{"Certificate of", "name", always, func(e expiry.Ending) any { return e.Name }},
		{"Device", "device", wide, func(e expiry.Ending) any { return e.Device }},
		{"Model", "model", wide, func(e expiry.Ending) any { return e.Model }},
		{"Pool", "pool", usual, func(e expiry.Ending) any { return e.Pool }},
		{"Purposes", "purposes", seldom, func(e expiry.Ending) any { return e.Purposes }},
		{"For", "for", wide, func(e expiry.Ending) any { return e.Uses.Names() }},
		{"IDs", "ids", wide, func(e expiry.Ending) any { return e.IDs }},
		{"Valid until", "not_after", always, func(e expiry.Ending) any { return e.NotAfter }},
		{"Days left", "days_left", always, func(e expiry.Ending) any { return daysLeft(now, e.NotAfter) }},
		{"Expired", "expired", always, func(e expiry.Ending) any { return e.NotAfter.Before(now) }},
		{"Scheduled", "scheduled", usual, func(e expiry.Ending) any { return e.Scheduled }},
		{"Serial", "serial", seldom, func(e expiry.Ending) any { return e.Serial }},
		{"Subject", "subject", wide, func(e expiry.Ending) any { return e.Subject }},
		{"Issuer", "issuer", wide, func(e expiry.Ending) any { return e.Issuer }},
	}
}
