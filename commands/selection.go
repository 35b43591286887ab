package commands

import (
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/store"
)

// withWord begins the flags of filters where the settings of a device have the same
// words, so that the two can stand in one command.
const withWord = "with-"

// filterFlags select devices, for the commands of bulk.
func filterFlags() []cli.Flag {
	return append(deviceFilterFlags(withWord, devices.Filters()),
		&cli.StringFlag{Name: "lsc", Usage: "only devices whose LSC is `WHAT`: " + strings.Join(store.LSCHoldings(), ", ")},
		&cli.StringFlag{Name: "lsc-expires-before", Usage: "only LSCs that expire before the `TIME`, such as 2027-01-31 or +90d"},
		&cli.StringFlag{Name: "lsc-issued-by", Usage: "only LSCs whose issuer contains the `NAME`, or matches"},
		&cli.StringFlag{Name: "issuer-expires-before", Usage: "only LSCs whose issuer expires before the `TIME`"},
		failedFlag(), lateFlag(),
		&cli.BoolFlag{Name: "due-for-renewal", Usage: "only devices whose LSC has passed the share of its lifetime in renew_before"},
	)
}

// deviceFilterFlags are those of filters that are about the device itself.
func deviceFilterFlags(prefix string, filters []devices.Filter) []cli.Flag {
	var flags []cli.Flag
	for _, f := range filters {
		flags = append(flags, &cli.StringFlag{Name: prefix + f.Flag(), Usage: f.Usage})
	}
	return flags
}

func failedFlag() cli.Flag {
	return &cli.BoolFlag{Name: "failed", Usage: "only devices whose last operation failed"}
}

func lateFlag() cli.Flag {
	return &cli.BoolFlag{Name: "late", Usage: "only devices whose operation should be complete by now"}
}

// deviceFilterOf reads the name pattern and the filters that are about the device itself.
func deviceFilterOf(c *cli.Context, prefix string) (store.DeviceFilter, error) {
	all := store.DeviceFilter{Name: c.Args().First(), Failed: c.Bool("failed"), Late: c.Bool("late")}
	for _, f := range devices.Filters() {
		read := func(text string) (any, error) { return nil, f.Read(&all, text) }
		if _, err := parsed(c, prefix+f.Flag(), read); err != nil {
			return all, err
		}
	}
	return all, nil
}

// selectionOf reads the name pattern and the filters of bulk commands.
func selectionOf(env *Env, c *cli.Context) (s bulk.Selection, err error) {
	if s.DeviceFilter, err = deviceFilterOf(c, withWord); err != nil {
		return s, err
	}
	if s.LSC, err = parsed(c, "lsc", store.ParseLSCHolding); err != nil {
		return s, err
	}
	if s.LSCExpiresBefore, err = optional(c, "lsc-expires-before", env.deadline); err != nil {
		return s, err
	}
	if s.IssuerExpiresBefore, err = optional(c, "issuer-expires-before", env.deadline); err != nil {
		return s, err
	}
	s.LSCIssuedBy, s.DueForRenewal = c.String("lsc-issued-by"), c.Bool("due-for-renewal")
	return s, s.Check()
}

// noneSelected reports an empty selection, which is not an error.
const noneSelected = "no device matches; nothing was changed"
