package commands

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/liveness"
	"capf/enroll/notify"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

func notifyTestCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "test", Short: "have serve run notify_command, to see whether it works",
		Role: cmdline.Operator,
		About: `The running serve runs the program once, with a finding of the kind test, as it
does with real ones: as its own user and with the limits of its unit. The command
waits for that, and says whether the program has succeeded.`,
		Example: "capf notify test",
		Run:     func(c *cli.Context) error { return notifyTest(c.Context, env) },
	}
}

// notifyWait is how long a test may take: serve looks every few seconds, and the
// program may have to wait for a mail server.
const notifyWait = 90 * time.Second

func notifyTest(ctx context.Context, env *Env) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	inForce, err := settings.Read(ctx, s.Reader)
	if err != nil {
		return err
	}
	if inForce.NotifyCommand == nil {
		return apperr.WithHint(apperr.Refused("no %s is set", settings.NotifyCommand), "capf set %s '/usr/local/bin/capf-notify-sendmail ops@example.com'", settings.NotifyCommand)
	}
	servers, err := s.Servers(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(servers, func(v store.Server) bool { return liveness.Alive(v, env.Now()) }) {
		return apperr.WithHint(apperr.Refused("no serve is running, which runs the program"), "capf serve, or systemctl start capf")
	}
	env.say("waiting for serve to run %q", inForce.NotifyCommand[0])
	err = notify.Try(ctx, s, env.actor(), notifyWait)
	if errors.Is(err, notify.ErrNoAnswer) {
		return apperr.WithHint(err, "capf status shows what serve does")
	}
	if err == nil {
		env.say("the program has succeeded")
	}
	return err
}
