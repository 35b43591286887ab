package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/store"
)

func deviceHistoryCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "history", Args: "NAME", Short: "list what happened to a device, the oldest first",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `The events of a device are kept when it is deleted.`,
		Example: "capf device history SEP001122334455",
		Output:  cmdline.List, Columns: headings(eventColumns), Flags: eventFlags(),
		Run: func(c *cli.Context) error {
			f, err := eventFilter(env, c)
			if err != nil {
				return err
			}
			f.Device = c.Args().First()
			return deviceHistory(c.Context, env, f)
		},
	}
}

func deviceHistory(ctx context.Context, env *Env, f store.EventFilter) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	f.Device = recordedName(ctx, s.Reader, f.Device)
	if _, err := s.Device(ctx, f.Device); errors.Is(err, store.ErrNotFound) {
		if known, kerr := hasEvents(ctx, s.Reader, f.Device); kerr != nil || !known {
			return errors.Join(kerr, err)
		}
	}
	return showList(env, s.Events(ctx, f), ofOneDevice(eventColumns, f.Device), fmt.Sprintf("nothing is recorded of %s", f.Device))
}

func hasEvents(ctx context.Context, s *store.Reader, device string) (bool, error) {
	for _, err := range s.Events(ctx, store.EventFilter{Device: device, Limit: 1}) {
		return err == nil, err
	}
	return false, nil
}
