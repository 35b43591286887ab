package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

type removeOptions struct {
	names  []string
	yes    bool
	dryRun bool
}

// removal reads the options of a command that takes away what its arguments
// name.
func removal(c *cli.Context) removeOptions {
	return removeOptions{eachOnce(c.Args().Slice()), c.Bool("yes"), c.Bool("dry-run")}
}

// eachOnce is the values in their order. What is named twice goes once.
func eachOnce[T comparable](values []T) []T {
	var kept []T
	seen := map[T]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v], kept = true, append(kept, v)
		}
	}
	return kept
}

// removing is what a command takes away.
type removing struct {
	what  string // all of it, in the question
	thing string // one of it, for the count
	do    func(context.Context, *store.Store) (int64, error)
	show  func() error // what there is of it
}

// carryOutRemoval takes it away, with consent. A dry run does the same to a rehearsal
// of the database, so that it is refused what would be refused, and shows what
// would go.
func carryOutRemoval(ctx context.Context, env *Env, o removeOptions, s *store.Store, r removing) error {
	if o.dryRun {
		if _, err := r.do(ctx, s.Rehearsal()); err != nil {
			return err
		}
		env.say("%s would be deleted", r.what)
		return r.show()
	}
	if err := env.consent(o.yes, "delete %s", r.what); err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	n, err := r.do(ctx, s)
	switch {
	case n > 0 && errors.Is(err, context.Canceled): // between two portions
		return apperr.WithHint(fmt.Errorf("interrupted; deleted %s", plural.Of(n, r.thing)), "the same command deletes the rest")
	case err != nil:
		return err
	}
	return sayRemoved(env, n, r.thing)
}

// one is the count of a removal of one thing.
func one(err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// counted is a number of things in words.
func counted[N int | int64](n N, thing string) string { return plural.Of(n, thing) }

// sayRemoved reports how many rows are gone.
func sayRemoved(env *Env, n int64, what string) error {
	env.say("deleted %s", plural.Of(n, what))
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", n}})
}

func deviceDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a device",
		About: `Its waiting requests become superseded and its unconfirmed certificates stale;
what was recorded about it stays. A device that is added again under the name is
another one, for which no certificate of this one counts. The certificate on the
phone is not touched: schedule the operation delete first to have it removed.
Whatever else checks certificates goes on to take it until it has run out, unless
it is revoked: --revoke does that, and on a terminal it is asked for.`,
		Example: "capf device delete SEP001122334455 --yes",
		Output:  cmdline.Object,
		Flags: append(removalFlags(),
			&cli.BoolFlag{Name: "revoke", Usage: "revoke all its certificates too"}, reasonFlag()),
		Run: func(c *cli.Context) error {
			o := deviceDeleteOptions{removeOptions: removal(c), revoke: c.Bool("revoke"), revokeIsSet: c.IsSet("revoke")}
			if c.IsSet("reason") && !o.revoke {
				return apperr.Usage("--reason is for --revoke")
			}
			var err error
			if o.reason, err = revocationReason(c); err != nil {
				return err
			}
			return deviceDelete(c.Context, env, o)
		},
	}
}

type deviceDeleteOptions struct {
	removeOptions
	revoke, revokeIsSet bool
	reason              store.RevocationReason
}

func deviceDelete(ctx context.Context, env *Env, o deviceDeleteOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	d, err := s.Device(ctx, devices.FullName(ctx, s, o.names[0]))
	if err != nil {
		return err
	}
	held, err := unrevoked(ctx, revoker(env, s), d.Name)
	if err != nil {
		return err
	}
	what := "device " + d.Name
	if o.revoke && len(held) > 0 {
		what += fmt.Sprintf(" with %s to revoke (%s)", counted(len(held), "certificate"), o.reason)
	}
	return carryOutRemoval(ctx, env, o.removeOptions, s, removing{what, "device",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return one(deleteDevice(ctx, env, s, d.Name, held, o))
		},
		func() error { return showObject(env, deviceFields(d)) },
	})
}

// nothingToRemove is the result of a removal by filter that found nothing to
// do: a dry run lists rows, of which there are none then.
func nothingToRemove(env *Env, o removeOptions) error {
	if o.dryRun {
		return emptyList(env)
	}
	return nothingRemoved(env)
}

// deleteDevice revokes the certificates of the device, if that is wanted, and
// deletes it.
func deleteDevice(ctx context.Context, env *Env, s *store.Store, name string, held []store.LSC, o deviceDeleteOptions) error {
	if err := offerRevocation(env, &o, len(held)); err != nil {
		return err
	}
	if o.revoke && len(held) > 0 {
		if _, err := revoker(env, s).Revoke(ctx, env.actor(), held, o.reason); err != nil {
			return err
		}
		if !o.dryRun {
			env.say("revoked %s", counted(len(held), "certificate"))
		}
	}
	return devices.Delete(ctx, s, env.actor(), name)
}

// unrevoked are the certificates of a device that others go on to take.
func unrevoked(ctx context.Context, r lscs.Revoker, device string) ([]store.LSC, error) {
	list, err := r.Revocable(ctx, lscs.Choice{Device: device})
	return slices.DeleteFunc(list, func(l store.LSC) bool { return l.State == store.LSCRevoked && l.Reason != store.CertificateHold }), err
}

// offerRevocation asks on a terminal, and says off one, what is left of a
// device that is deleted.
func offerRevocation(env *Env, o *deviceDeleteOptions, held int) (err error) {
	switch {
	case held == 0 || o.revokeIsSet:
	case env.Prompt == nil || o.yes || o.dryRun:
		env.say("note: %s of it may still be shown to others: capf lsc revoke --device %s", counted(held, "certificate"), o.names[0])
	default:
		o.revoke, err = env.Prompt.Confirm(term.OneLine(fmt.Sprintf("Revoke its %s too?", counted(held, "certificate"))))
	}
	return err
}

// nothingRemoved is the result of a removal that found nothing to do.
func nothingRemoved(env *Env) error {
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "deleted", 0}})
}
