package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/store"
)

func staleListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Aliases: []string{"view"}, Short: "list stale certificates",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `A certificate becomes stale when its phone requests a new one before it has confirmed
this one, or refuses to store it. If the phone has it after all, it may authenticate
with it, and the certificate is then installed.`,
		Example: "capf stale-lsc list",
		Output:  cmdline.List, Columns: headings(staleColumns),
		Run: func(c *cli.Context) error { return staleList(c.Context, env) },
	}
}

func staleList(ctx context.Context, env *Env) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	return showList(env, s.LSCs(ctx, staleOnes()), staleColumns, noStale)
}

const noStale = "no certificate is stale"

// staleOnes are all stale certificates.
func staleOnes() store.LSCFilter { return store.LSCFilter{State: store.LSCStale} }

// staleColumns are the properties of a stale LSC in a list.
var staleColumns = []column[store.LSC]{
	{"Serial", "serial", always, func(l store.LSC) any { return l.Serial }},
	{"Device", "device", always, func(l store.LSC) any { return l.Device }},
	{"Subject", "subject", wide, func(l store.LSC) any { return l.Subject }},
	{"Issuer", "issuer", usual, func(l store.LSC) any { return l.Issuer }},
	{"Issued", "issued_at", seldom, func(l store.LSC) any { return l.IssuedAt }},
	{"Stale since", "stale_at", usual, func(l store.LSC) any { return l.EndedAt }},
	{"Valid until", "not_after", usual, func(l store.LSC) any { return l.NotAfter }},
}
