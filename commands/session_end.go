package commands

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/sessions"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

func sessionEndCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "end", Args: "ID", Short: "end the session of a phone",
		Role: cmdline.Operator,
		About: `The phone is told that the session is over. Its operation stays scheduled and a
request that waits for a CA stays; when the phone comes back, it begins anew.`,
		Example: "capf session end 12 --yes",
		Output:  cmdline.Object, Flags: removalFlags(),
		Run: func(c *cli.Context) error { return sessionEnd(c.Context, env, removal(c)) },
	}
}

func sessionEnd(ctx context.Context, env *Env, o removeOptions) error {
	id, err := input.Number(o.names[0], 1, min(1<<53, math.MaxInt))
	if err != nil {
		return apperr.WithHint(apperr.Usage("%q is not the ID of a session", o.names[0]), "capf session list shows them")
	}
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	v, err := sessions.Find(ctx, s.Reader, env.Now(), int64(id))
	if err != nil {
		return apperr.WithHint(err, "capf session list shows those that are open")
	}
	who := v.Device
	if who == "" {
		who = "the phone at " + v.Address
	}
	if o.dryRun {
		env.say("the session of %s would end", who)
		return sessionResult(env, v, false)
	}
	if err := env.consent(o.yes, "end the session of %s, in state %s", who, v.State.Long()); err != nil {
		return err
	}
	if err := sessions.End(ctx, s, env.actor(), v.ID); err != nil {
		return err
	}
	ended, err := awaitEnd(ctx, s.Reader, env, v.ID)
	if err != nil {
		return err
	}
	if ended {
		env.say("the session of %s has ended", who)
	} else {
		env.say("warning: serve on %s has not ended the session of %s within %s", v.Host, who, serverDelay)
	}
	return sessionResult(env, v, ended)
}

// awaitEnd waits until the serve has ended the session, so that the next line of a
// script finds it ended.
func awaitEnd(ctx context.Context, s *store.Reader, env *Env, id int64) (bool, error) {
	for deadline := time.Now().Add(serverDelay); ; {
		_, err := sessions.Find(ctx, s, env.Now(), id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return true, nil
		case err != nil || time.Now().After(deadline):
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func sessionResult(env *Env, v sessions.Session, ended bool) error {
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, append(fieldsOf(sessionColumns, v), field{"", "ended", ended}))
}
