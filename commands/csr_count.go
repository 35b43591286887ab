package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/store"
)

func csrCountCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "count", Short: "count requests",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `Without --state, the requests that wait for a certificate are counted.`,
		Example: "capf csr count",
		Output:  cmdline.Object, Flags: requestFlags(),
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
	f.Device = devices.FullPattern(ctx, s, f.Device)
	return forListed(ctx, env, s, &f.Devices, true, func() error {
		n, err := s.CountRequests(ctx, f)
		if err != nil {
			return err
		}
		if env.Format == term.JSON {
			return showObject(env, []field{{"", "count", n}})
		}
		fmt.Fprintln(env.out, n)
		return nil
	})
}
