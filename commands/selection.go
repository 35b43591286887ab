package commands

import (
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/bulk"
	"capf/store"
)

// filterFlags select devices. They begin with "with" where the settings of a
// device have the same words, so that the two can stand in one command.
func filterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "with-pool", Usage: "only the device `POOL`, or those that match"},
		&cli.StringFlag{Name: "with-model", Usage: "only the `MODEL`, or those that match"},
		&cli.StringFlag{Name: "with-operation", Usage: "only devices with the `OPERATION` scheduled"},
		&cli.StringFlag{Name: "with-status", Usage: "only the certificate operation `STATUS`"},
		&cli.StringFlag{Name: "with-auth-mode", Usage: "only the authentication `MODE`"},
		&cli.StringFlag{Name: "lsc", Usage: "only devices whose LSC is `WHAT`: " + strings.Join(store.LSCHoldings(), ", ")},
		&cli.StringFlag{Name: "lsc-expires-before", Usage: "only LSCs that end before the `TIME`, such as 2027-01-31 or +90d"},
		&cli.StringFlag{Name: "lsc-issued-by", Usage: "only LSCs whose issuer has the `NAME` in it, or matches"},
		&cli.StringFlag{Name: "issuer-expires-before", Usage: "only LSCs whose issuer ends before the `TIME`"},
		&cli.BoolFlag{Name: "failed", Usage: "only devices whose last operation failed"},
		&cli.BoolFlag{Name: "late", Usage: "only devices whose operation should have been completed by now"},
		&cli.BoolFlag{Name: "due-for-renewal", Usage: "only devices whose LSC is past the share of its life in renew_before"},
	}
}

// selectionOf reads the filters and the name pattern.
func selectionOf(env *Env, c *cli.Context) (bulk.Selection, error) {
	s := bulk.Selection{
		Name: c.Args().First(), Pool: c.String("with-pool"), Model: c.String("with-model"), LSCIssuedBy: c.String("lsc-issued-by"),
		Failed: c.Bool("failed"), Late: c.Bool("late"), DueForRenewal: c.Bool("due-for-renewal"),
	}
	var errs [6]error
	s.Operation, errs[0] = parsed(c, "with-operation", store.ParseOperation)
	s.Status, errs[1] = parsed(c, "with-status", store.ParseStatus)
	s.AuthMode, errs[2] = parsed(c, "with-auth-mode", store.ParseAuthMode)
	s.LSC, errs[3] = parsed(c, "lsc", store.ParseLSCHolding)
	s.LSCExpiresBefore, errs[4] = optional(c, "lsc-expires-before", env.deadline)
	s.IssuerExpiresBefore, errs[5] = optional(c, "issuer-expires-before", env.deadline)
	for _, err := range errs {
		if err != nil {
			return s, err
		}
	}
	return s, s.Check()
}

// noneSelected is said of an empty selection, which is no error.
const noneSelected = "no device matches; nothing was changed"
