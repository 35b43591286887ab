package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

func auditListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list events, the oldest first",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `Every change by an operator and every session of a phone is an event. A time is
given as for --completes-by, or as a span back from now, such as 7d or 12h.

Events form a chain: each holds a hash of itself and of the one before. --verify
follows the chain through the whole record, whatever is listed, and names the
first event that was tampered with, removed, added or moved; the exit code is
then 1. Anyone who can write to the database could forge a whole new chain.
Therefore serve seals the record every five minutes under a key derived from the
master key, and --verify says up to which event the seals are valid, if it can
read that key.`,
		Example: "capf audit list --since 7d --limit 100 --verify",
		Output:  cmdline.List, Columns: headings(eventColumns),
		Flags: append(eventFlags(),
			&cli.StringFlag{Name: "device", Usage: "only devices that match the `PATTERN`"},
			&cli.StringFlag{Name: "action", Usage: "only the `ACTION`, such as device-set, or those that match"},
			&cli.StringFlag{Name: "operator", Usage: "only the operator with the user `NAME`, or those that match"},
			&cli.BoolFlag{Name: "verify", Usage: "verify the chain of events"}),
		Run: func(c *cli.Context) error {
			f, err := eventFilter(env, c)
			if err != nil {
				return err
			}
			f.Device, f.Action, f.Operator = c.String("device"), c.String("action"), c.String("operator")
			return auditList(c.Context, env, f, c.Bool("verify"))
		},
	}
}

func auditList(ctx context.Context, env *Env, f store.EventFilter, verify bool) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	if verify {
		env.goOn() // the exit code needs no reader
	}
	f.Device = recordedName(ctx, s, f.Device)
	if err := showList(env, s.Events(ctx, f), ofOneDevice(eventColumns, f.Device), "no event matches"); err != nil || !verify {
		return err
	}
	sealer, keyErr := openSealer(ctx, env, s)
	var holds func(store.Checkpoint) bool
	if keyErr == nil {
		holds = secrets.HoldsCheckpoint(sealer)
	}
	r, err := s.VerifyEvents(ctx, holds)
	if err != nil {
		return err
	}
	if r.Fault != nil {
		return apperr.WithHint(fmt.Errorf("the record is not as it was written: event %d %s", r.Fault.ID, r.Fault.Text),
			"%s before it are as they were written", counted(r.Events, "event"))
	}
	env.say("the record is as it was written: %s, the last with the hash %x", counted(r.Events, "event"), r.Head)
	if r.Pruned > 0 {
		env.say("those up to %d have been pruned", r.Pruned)
	}
	switch {
	case keyErr != nil:
		env.say("whether it was forged cannot be verified without the master key: %s", keyErr)
	case r.Sealed == 0:
		env.say("serve has not sealed it yet: anyone who can write to the database could have forged it")
	default:
		env.say("sealed by serve up to event %d, on %s; %s since", r.Sealed, term.Cell(term.WithZone(r.SealedAt)), counted(r.Last-r.Sealed, "event"))
	}
	return nil
}

// recordedName is what the record calls the devices that an operator means. A phone may have
// called itself something that is no device's name; it is found as it was recorded.
func recordedName(ctx context.Context, s *store.Reader, pattern string) string {
	name := devices.FullPattern(ctx, s, pattern)
	if name == pattern {
		return pattern
	}
	if known, err := hasEvents(ctx, s, name); err == nil && !known {
		return pattern
	}
	return name
}

func eventFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "since", Usage: "only events since the `TIME`"},
		&cli.StringFlag{Name: "limit", Usage: "only the newest `N` events"},
	}
}

func eventFilter(env *Env, c *cli.Context) (f store.EventFilter, err error) {
	if f.Since, err = optional(c, "since", env.moment); err != nil {
		return f, err
	}
	f.Limit, err = parsed(c, "limit", number)
	return f, err
}

// eventColumns are the properties of an event in a list.
var eventColumns = []column[store.Event]{
	{"", "id", wide, func(e store.Event) any { return e.ID }},
	{"Time", "at", always, func(e store.Event) any { return e.At }},
	{"Kind", "actor_kind", wide, func(e store.Event) any { return string(e.Actor.Kind) }},
	{"Who", "actor", usual, func(e store.Event) any { return e.Actor.Name }},
	{"From", "address", seldom, func(e store.Event) any { return e.Actor.Address }},
	{"Terminal", "terminal", wide, func(e store.Event) any { return e.Actor.Terminal }},
	{"Device", "device", usual, func(e store.Event) any { return e.Device }},
	{"Action", "action", always, func(e store.Event) any { return e.Action }},
	{"Step", "step", seldom, func(e store.Event) any { return e.Step }},
	{"Outcome", "outcome", always, func(e store.Event) any { return e.Outcome }},
	{"Detail", "detail", always, func(e store.Event) any { return term.Message(e.Detail) }},
	{"Command", "command", wide, func(e store.Event) any { return e.Actor.Command }},
}
