package commands

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/bulk"
	"capf/enroll/renewal"
	"capf/store"
)

func bulkSelectCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "select", Args: "[PATTERN]", Short: "show the devices that match filters",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `A device has to match all filters. PATTERN is a name or a pattern. bulk update
takes the same filters and changes what select shows.

` + matchingRule + ` The
issuer of --lsc-issued-by is long: without * and ?, a part of it is enough.

` + listedRule + `

With --due-for-renewal, a column says which LSCs capf renews automatically, those
of devices that authenticate by an existing certificate, and which need an
operator.`,
		Example: "capf bulk select --lsc-expires-before +90d --with-pool 'Berlin*'",
		Output:  cmdline.List, Columns: append(headings(selectedColumns), headings([]column[store.Selected]{renewalColumn})...), Flags: bulkFilterFlags(),
		Run: func(c *cli.Context) error {
			s, err := selectionOf(env, c, withWord)
			if err != nil {
				return err
			}
			return bulkSelect(c.Context, env, s)
		},
	}
}

func bulkSelect(ctx context.Context, env *Env, sel bulk.Selection) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	columns := selectedColumns
	if sel.DueForRenewal || slices.Contains(env.Columns, renewalColumn.key) {
		columns = append(slices.Clone(columns), renewalColumn)
	}
	return forListed(ctx, env, s.Reader, &sel.Names, false, func() error {
		selected, err := bulk.Select(ctx, deviceRules(env, s), sel)
		if err != nil {
			return err
		}
		return showList(env, selected, columns, "no device matches")
	})
}

// renewalColumn says who renews an LSC that is due.
var renewalColumn = column[store.Selected]{"Renewal", "renewal", always, func(v store.Selected) any {
	if renewal.ByItself(v.AuthMode) {
		return "by itself"
	}
	return "needs an operator"
}}

// selectedColumns are the columns of a device and of its LSC.
var selectedColumns = append(overSelected(deviceColumns),
	column[store.Selected]{"LSC ends", "lsc_not_after", usual, func(v store.Selected) any { return v.Installed.NotAfter }},
	column[store.Selected]{"LSC begins", "lsc_not_before", wide, func(v store.Selected) any { return v.Installed.NotBefore }},
	column[store.Selected]{"LSC serial", "lsc_serial", wide, func(v store.Selected) any { return v.Installed.Serial }},
	column[store.Selected]{"LSC issuer", "lsc_issuer", wide, func(v store.Selected) any { return v.Installed.Issuer }},
)

// overSelected turns columns of devices into columns of selected devices.
func overSelected(columns []column[store.Device]) []column[store.Selected] {
	over := make([]column[store.Selected], 0, len(columns)+4)
	for _, c := range columns {
		over = append(over, column[store.Selected]{c.title, c.key, c.rank, func(v store.Selected) any { return c.value(v.Device) }})
	}
	return over
}
