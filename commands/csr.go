package commands

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/internal/apperr"
	"capf/store"
)

func requestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "state", Value: string(store.RequestPending), Usage: "`STATE`: " + strings.Join(store.RequestStates(), ", ") + ", all"},
		&cli.StringFlag{Name: "device", Usage: "only devices that match the `PATTERN`"},
		listedFlag(),
		&cli.StringFlag{Name: "since", Usage: "only requests since the `TIME`, such as 2027-01-31 or 7d"},
	}
}

func requestFilter(env *Env, c *cli.Context) (f store.RequestFilter, err error) {
	f.Device, f.State = c.String("device"), store.RequestPending
	if c.String("state") == "all" {
		f.State = ""
	} else if c.IsSet("state") {
		if f.State, err = parsed(c, "state", store.ParseRequestState); err != nil {
			return f, apperr.WithHint(err, "all means requests in any state")
		}
	}
	if f.Since, err = optional(c, "since", env.moment); err != nil {
		return f, err
	}
	f.Devices, err = listedNames(env, c)
	return f, err
}

func noRequests(f store.RequestFilter) string {
	if f.State == store.RequestPending && f.Device == "" && f.Devices == nil && f.Since == nil {
		return "no request is waiting"
	}
	return "no request matches"
}

func parseID(s string) (int64, error) {
	id, err := number(s)
	if err != nil {
		return 0, apperr.WithHint(apperr.Usage("%s is not the number of a request", strconv.Quote(s)), "capf csr list --state all shows them")
	}
	return int64(id), nil
}

// parseIDs reads the arguments of a command that takes ids or the word all, for
// which it returns nil.
func parseIDs(args []string) ([]int64, error) {
	if len(args) == 1 && args[0] == "all" {
		return nil, nil
	}
	var ids []int64
	for _, a := range args {
		id, err := parseID(a)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return eachOnce(ids), nil
}
