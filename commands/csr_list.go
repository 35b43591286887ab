package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/store"
)

func csrListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list requests, the oldest first",
		Privilege: cmdline.Look,
		About:     `Without --state, the requests that wait for a certificate are listed.`,
		Example:   "capf csr list --state all --device 'SEP*'",
		Output:    cmdline.List, Flags: requestFlags(),
		Run: func(c *cli.Context) error {
			f, err := requestFilter(env, c)
			if err != nil {
				return err
			}
			return csrList(c.Context, env, f)
		},
	}
}

func csrList(ctx context.Context, env *Env, f store.RequestFilter) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	return showList(env, s.Requests(ctx, f), requestColumns, noRequests(f))
}

func csrCountCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "count", Short: "count requests",
		Privilege: cmdline.Look,
		About:     `Without --state, the requests that wait for a certificate are counted.`,
		Example:   "capf csr count",
		Output:    cmdline.Object, Flags: requestFlags(),
		Run: func(c *cli.Context) error {
			f, err := requestFilter(env, c)
			if err != nil {
				return err
			}
			return csrCount(c.Context, env, f)
		},
	}
}

func csrCount(ctx context.Context, env *Env, f store.RequestFilter) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	n, err := s.CountRequests(ctx, f)
	if err != nil {
		return err
	}
	if env.Format == term.JSON {
		return showObject(env, []field{{"", "count", n}})
	}
	fmt.Fprintln(env.out, n)
	return nil
}

func requestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "state", Value: string(store.RequestPending), Usage: "`STATE`: " + strings.Join(store.RequestStates(), ", ") + ", all"},
		&cli.StringFlag{Name: "device", Usage: "only devices that match the `PATTERN`"},
		&cli.StringFlag{Name: "since", Usage: "only since the `TIME`, such as 2027-01-31 or 7d"},
	}
}

func requestFilter(env *Env, c *cli.Context) (f store.RequestFilter, err error) {
	f.Device, f.State = c.String("device"), store.RequestPending
	if c.String("state") == "all" {
		f.State = ""
	} else if c.IsSet("state") {
		if f.State, err = parsed(c, "state", store.ParseRequestState); err != nil {
			return f, apperr.WithHint(err, "all is for requests in any state")
		}
	}
	f.Since, err = optional(c, "since", env.moment)
	return f, err
}

func noRequests(f store.RequestFilter) string {
	if f.State == store.RequestPending && f.Device == "" && f.Since == nil {
		return "no request is waiting"
	}
	return "no request matches"
}

// requestColumns are the properties of a request in a list.
var requestColumns = []column[store.Request]{
	{"ID", "id", func(r store.Request) any { return r.ID }},
	{"Device", "device", func(r store.Request) any { return r.Device }},
	{"Received", "created_at", func(r store.Request) any { return r.CreatedAt }},
	{"Key", "key_kind", func(r store.Request) any { return r.KeyKind }},
	{"Issuer", "issuer", func(r store.Request) any { return r.Issuer }},
	{"State", "state", func(r store.Request) any { return r.State }},
	{"Possession proved", "possession_proved", func(r store.Request) any { return r.Possessed }},
	{"", "key_sha256", func(r store.Request) any { return r.KeyHash }},
	{"", "address", func(r store.Request) any { return r.Address }},
	{"", "reason", func(r store.Request) any { return r.Reason }},
}
