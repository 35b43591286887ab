package commands

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/store"
)

func deviceDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "delete a device",
		Role: cmdline.Operator,
		About: `Its waiting requests become superseded and its unconfirmed certificates stale;
its events are kept. A device that is added again under the name is a new one, for
which the old certificates do not count. The certificate on the phone is not
touched: to have it removed, schedule the operation delete first. Other systems
that check certificates accept it until it expires or is revoked. --revoke does
that; on a terminal, capf asks.`,
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
	d, err := s.Device(ctx, devices.FullName(ctx, s.Reader, o.names[0]))
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

// deleteDevice deletes the device, and first revokes its certificates if that is
// wanted.
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

// unrevoked are the certificates of a device that other systems still accept.
func unrevoked(ctx context.Context, r lscs.Revoker, device string) ([]store.LSC, error) {
	list, err := r.Revocable(ctx, lscs.Choice{Device: device})
	return slices.DeleteFunc(list, func(l store.LSC) bool { return l.State == store.LSCRevoked && l.Reason != store.CertificateHold }), err
}

// offerRevocation deals with certificates that would outlive their device: on a
// terminal it offers to revoke them, otherwise it mentions them.
func offerRevocation(env *Env, o *deviceDeleteOptions, held int) (err error) {
	switch {
	case held == 0 || o.revokeIsSet:
	case env.Prompt == nil || o.yes || o.dryRun:
		env.say("note: other systems may still accept %s of it: capf lsc revoke --device %s", counted(held, "certificate"), o.names[0])
	default:
		o.revoke, err = env.Prompt.Confirm(term.OneLine(fmt.Sprintf("Revoke its %s too?", counted(held, "certificate"))))
	}
	return err
}
