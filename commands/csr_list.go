package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
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
