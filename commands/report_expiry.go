package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/report"
	"capf/commands/internal/term"
	"capf/store"
)

func reportExpiryCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "expiry", Short: "when the installed certificates expire",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `A histogram by month, and the list, those that expire first at the top. CSV has
only the list.`,
		Example: "capf report expiry --html expiry.html",
		Output:  cmdline.List, Columns: headings(expiryColumns(time.Time{})), Flags: reportFlags(),
		Run: func(c *cli.Context) error {
			file, err := reportFile(env, c)
			if err != nil {
				return err
			}
			return reportExpiry(c.Context, env, file)
		},
	}
}

const noInstalled = "no certificate is installed"

func reportExpiry(ctx context.Context, env *Env, file pageFile) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	var rows []store.Expiry
	for v, err := range s.Expiries(ctx, nil) {
		if err != nil {
			return err
		}
		rows = append(rows, v)
	}
	months := expiryMonths(rows, env.Now())
	columns := expiryColumns(env.Now())
	if file.name != "" {
		return writePage(env, file, report.Page{Title: "LSC expiry", Summary: expirySummary(rows, env.Now()), Chart: months,
			Empty: "No certificate is installed on any phone yet."}, rows, columns)
	}
	if env.Format == term.JSON {
		return showDocument(env, []field{{"", "at", env.Now()}, {"", "histogram", months.Counts()}}, "lscs", values(rows), columns)
	}
	if env.Format == term.Table && len(rows) > 0 {
		months.Print(env.out)
	}
	return showList(env, values(rows), columns, noInstalled)
}

// monthLimit is how many months the histogram has: five years, the longest lifetime
// of an LSC, and the month in which it begins.
const monthLimit = 61

// expiryMonths counts expiries by month in the operator's time zone. Expired
// certificates come first.
func expiryMonths(rows []store.Expiry, now time.Time) *report.Chart {
	c := &report.Chart{Title: "Expiring certificates, by month", Tall: true, Bars: []report.Bar{{Label: "expired", Tone: "bad"}}}
	now = now.Local()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	for _, r := range rows {
		end := r.NotAfter.Local()
		n := (end.Year()-first.Year())*12 + int(end.Month()-first.Month())
		switch {
		case end.Before(now):
			n = 0
		case n >= monthLimit:
			n = monthLimit + 1
		default:
			n++
		}
		for len(c.Bars) <= n {
			c.Bars = append(c.Bars, monthBar(first, len(c.Bars)-1))
		}
		c.Bars[n].Count++
	}
	return c
}

// monthBar is the bar of the nth month after the first.
func monthBar(first time.Time, n int) report.Bar {
	if n >= monthLimit {
		return report.Bar{Label: "later"}
	}
	b := report.Bar{Label: first.AddDate(0, n, 0).Format("2006-01"), Tone: "ok"}
	if n < 3 {
		b.Tone = "wait"
	}
	return b
}

func expirySummary(rows []store.Expiry, now time.Time) string {
	expired, soon := 0, 0
	for _, r := range rows {
		switch {
		case r.NotAfter.Before(now):
			expired++
		case r.NotAfter.Before(now.AddDate(0, 0, 90)):
			soon++
		}
	}
	return fmt.Sprintf("%s installed, %d expired, %d more expire within 90 days.", counted(len(rows), "certificate"), expired, soon)
}

func expiryColumns(now time.Time) []column[store.Expiry] {
	return []column[store.Expiry]{
		{"Ends", "not_after", always, func(v store.Expiry) any { return term.WithZone(v.NotAfter) }},
		{"Days left", "days_left", usual, func(v store.Expiry) any { return daysLeft(now, v.NotAfter) }},
		{"Device", "device", always, func(v store.Expiry) any { return v.Device }},
		{"Model", "model", usual, func(v store.Expiry) any { return v.Model }},
		{"Pool", "pool", usual, func(v store.Expiry) any { return v.Pool }},
		{"Key", "key_kind", seldom, func(v store.Expiry) any { return v.KeyKind }},
		{"Issuer", "issuer", usual, func(v store.Expiry) any { return v.Issuer }},
		{"Serial", "serial", seldom, func(v store.Expiry) any { return v.Serial }},
		{"Valid from", "not_before", wide, func(v store.Expiry) any { return v.NotBefore }},
	}
}
