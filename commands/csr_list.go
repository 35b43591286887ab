package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/store"
)

func csrListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list requests, the oldest first",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `Without --state, the requests that wait for a certificate are listed.`,
		Example: "capf csr list --state all --device 'SEP*'",
		Output:  cmdline.List, Columns: headings(requestColumns), Flags: requestFlags(),
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
	f.Device = devices.FullPattern(ctx, s, f.Device)
	return forListed(ctx, env, s, &f.Devices, true, func() error {
		return showList(env, s.Requests(ctx, f), ofOneDevice(requestColumns, f.Device), noRequests(f))
	})
}

// requestColumns are the properties of a request in a list.
var requestColumns = []column[store.Request]{
	{"ID", "id", always, func(r store.Request) any { return r.ID }},
	{"Device", "device", always, func(r store.Request) any { return r.Device }},
	{"Received", "created_at", usual, func(r store.Request) any { return r.CreatedAt }},
	{"Key", "key_kind", seldom, func(r store.Request) any { return r.KeyKind }},
	{"Issuer", "issuer", seldom, func(r store.Request) any { return r.Issuer }},
	{"State", "state", always, func(r store.Request) any { return r.State }},
	{"Possession proved", "possession_proved", seldom, func(r store.Request) any { return r.Possessed }},
	{"Key SHA-256", "key_sha256", wide, func(r store.Request) any { return r.KeyHash }},
	{"Address", "address", wide, func(r store.Request) any { return r.Address }},
	{"Reason", "reason", wide, func(r store.Request) any { return term.Message(r.Reason) }},
}
