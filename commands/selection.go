package commands

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

// withWord begins the flags of filters where the settings of a device have the same
// words, so that the two can stand in one command.
const withWord = "with-"

// filterFlags select devices. The prefix is withWord where settings stand beside them.
func filterFlags(prefix string, filters []devices.Filter) []cli.Flag {
	return append(deviceFilterFlags(prefix, filters),
		&cli.StringFlag{Name: "last-seen-before", Usage: "only devices that have not come to CAPF since the `TIME`, such as 2027-01-31 or 90d"},
		&cli.StringFlag{Name: "lsc", Usage: "only devices whose LSC is `WHAT`: " + strings.Join(store.LSCHoldings(), ", ")},
		&cli.StringFlag{Name: "lsc-expires-before", Usage: "only LSCs that expire before the `TIME`, such as 2027-01-31 or +90d"},
		&cli.StringFlag{Name: "lsc-expires-within", Usage: "only LSCs that expire within the `SPAN`, such as 30d, or have expired"},
		&cli.StringFlag{Name: "lsc-issued-by", Usage: "only LSCs whose issuer contains the `NAME`, or matches"},
		&cli.StringFlag{Name: "issuer-expires-before", Usage: "only LSCs whose issuer expires before the `TIME`"},
		&cli.BoolFlag{Name: "due-for-renewal", Usage: "only devices whose LSC has passed the share of its lifetime in renew_before"},
		listedFlag(),
	)
}

// bulkFilterFlags are those of the commands of bulk.
func bulkFilterFlags() []cli.Flag { return filterFlags(withWord, devices.Filters()) }

// deviceFilterFlags are those of filters that are about the device itself.
func deviceFilterFlags(prefix string, filters []devices.Filter) []cli.Flag {
	var flags []cli.Flag
	for _, f := range filters {
		if f.Switch {
			flags = append(flags, &cli.BoolFlag{Name: f.Flag(), Usage: f.Usage})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: prefix + f.Flag(), Usage: f.Usage})
	}
	return flags
}

// deviceFilterOf reads the name pattern and the filters that are about the device itself.
func deviceFilterOf(env *Env, c *cli.Context, prefix string) (all store.DeviceFilter, err error) {
	all.Name = c.Args().First()
	for _, f := range devices.Filters() {
		if f.Switch && c.Bool(f.Flag()) {
			err = f.Read(&all, "")
		} else if !f.Switch {
			read := func(text string) (any, error) { return nil, f.Read(&all, text) }
			_, err = parsed(c, prefix+f.Flag(), read)
		}
		if err != nil {
			return all, err
		}
	}
	if all.SeenBefore, err = optional(c, "last-seen-before", env.moment); err != nil {
		return all, err
	}
	all.Names, err = listedNames(env, c)
	return all, err
}

// selectionOf reads the name pattern and the filters of filterFlags.
func selectionOf(env *Env, c *cli.Context, prefix string) (s bulk.Selection, err error) {
	if s.DeviceFilter, err = deviceFilterOf(env, c, prefix); err != nil {
		return s, err
	}
	if s.LSC, err = parsed(c, "lsc", store.ParseLSCHolding); err != nil {
		return s, err
	}
	if s.LSCExpiresBefore, err = optional(c, "lsc-expires-before", env.deadline); err != nil {
		return s, err
	}
	if s.LSCExpiresWithin, err = parsed(c, "lsc-expires-within", env.span); err != nil {
		return s, err
	}
	if s.IssuerExpiresBefore, err = optional(c, "issuer-expires-before", env.deadline); err != nil {
		return s, err
	}
	s.LSCIssuedBy, s.DueForRenewal = c.String("lsc-issued-by"), c.Bool("due-for-renewal")
	return s, s.Check()
}

// allFlag says that no filter is meant, to commands that read wholeSelection.
func allFlag() cli.Flag { return &cli.BoolFlag{Name: "all", Usage: "select all devices"} }

// wholeSelection reads the filters of a command that changes what it selects, and refuses
// to take their absence for all devices.
func wholeSelection(env *Env, c *cli.Context) (bulk.Selection, error) {
	s, err := selectionOf(env, c, withWord)
	if err != nil {
		return s, err
	}
	switch all := c.Bool("all"); {
	case all && !s.Empty():
		return s, apperr.Usage("--all and a filter exclude each other")
	case !all && s.Empty():
		return s, apperr.WithHint(apperr.Usage("no filter says which devices"), "capf bulk select --help lists the filters; --all selects all devices")
	}
	return s, nil
}

func selectedNames(ctx context.Context, r *devices.Rules, sel bulk.Selection) ([]string, error) {
	selected, err := bulk.Select(ctx, r, sel)
	if err != nil {
		return nil, err
	}
	names := []string{} // not nil: a list without names is of no device
	for v, err := range selected {
		if err != nil {
			return nil, err
		}
		names = append(names, v.Name)
	}
	return names, nil
}

// noneSelected reports an empty selection, which is not an error.
const noneSelected = "no device matches; nothing was changed"
