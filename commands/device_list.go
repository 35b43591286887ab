package commands

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/store"
)

// matchingRule is what the help says of filters.
const matchingRule = `In every text filter, * stands for any characters and ? for one, and case does not
matter: 'KÖL*' matches Köln. A filter cannot be given twice. A name may be a MAC
address in any notation, or a part of one: '0011.2233.*' means SEP00112233*.`

func deviceListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Args: "[PATTERN]", Short: "list devices",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `PATTERN is a name or a pattern. The flags narrow the list further.

` + matchingRule + `

` + listedRule + `

A STATUS is none, pending, or upgrade-, delete- or troubleshoot- followed by
success or failed. The cause may follow failed: -invalid-lsc, -invalid-mic,
-invalid-authentication-string, -invalid-credentials, -phone-communication-failure,
-key-generation-failed, -ca-communication-failure, -ca-rejected-connection, -late,
-no-ec-support. The vendor's words, "Upgrade Failed: Invalid MIC", work as well.`,
		Example: "capf device list 'SEP*' --operation install",
		Output:  cmdline.List, Columns: headings(deviceColumns),
		Flags: filterFlags("", statusLast(devices.Filters())),
		Run: func(c *cli.Context) error {
			sel, err := selectionOf(env, c, "")
			if err != nil {
				return err
			}
			return deviceList(c.Context, env, sel)
		},
	}
}

// statusLast has the help name what became of an operation behind what operators set.
func statusLast(filters []devices.Filter) []devices.Filter {
	isStatus := func(f devices.Filter) bool { return f.Name == "status" }
	status := filters[slices.IndexFunc(filters, isStatus)]
	filters = slices.DeleteFunc(filters, isStatus)
	return slices.Insert(filters, slices.IndexFunc(filters, func(f devices.Filter) bool { return f.Switch }), status)
}

func deviceList(ctx context.Context, env *Env, sel bulk.Selection) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	return forListed(ctx, env, s.Reader, &sel.Names, false, func() error {
		selected, err := bulk.Select(ctx, deviceRules(env, s), sel)
		if err != nil {
			return err
		}
		return showList(env, selected, overSelected(deviceColumns), "no device matches")
	})
}

// deviceColumns are the properties of a device in a list.
var deviceColumns = columnsOfDevices()

func columnsOfDevices() []column[store.Device] {
	columns := []column[store.Device]{{"Name", "name", always, func(d store.Device) any { return d.Name }}}
	for _, a := range devices.Attributes() {
		if !a.Secret {
			columns = append(columns, attributeColumn(a))
		}
	}
	return append(columns,
		column[store.Device]{"Status", "status", always, func(d store.Device) any { return d.Status }},
		column[store.Device]{"Changed", "updated_at", wide, func(d store.Device) any { return d.UpdatedAt }},
		column[store.Device]{"Last seen", "seen_at", wide, func(d store.Device) any { return d.SeenAt }},
	)
}

// attributeColumn is the column of an attribute. One without a heading of its own is
// looked at so seldom that only a wide table has it.
func attributeColumn(a devices.Attribute) column[store.Device] {
	if a.Column == "" {
		return column[store.Device]{a.Label, a.Name, wide, a.Of}
	}
	place := usual
	if a.Name == "description" {
		place = seldom
	}
	return column[store.Device]{a.Column, a.Name, place, a.Of}
}
