package commands

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/store"
)

func bulkDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "[PATTERN]", Short: "delete many devices",
		Role: cmdline.Operator,
		About: `The filters are those of bulk select; --all selects all devices. All of them are
deleted in one transaction, as a job, and what device delete says holds for each:
requests that wait are superseded, the events are kept, and the certificates on the
phones are not touched. Other systems that check certificates accept them until they
expire or are revoked; --revoke does that in the same transaction, with those that
deleted devices of the same names have left.

--at creates a job that the running serve carries out at that time; the devices are
selected then.`,
		Example: "capf bulk delete --last-seen-before 365d --revoke --reason cessation-of-operation --dry-run",
		Output:  cmdline.List,
		Flags: slices.Concat(bulkFilterFlags(), []cli.Flag{
			allFlag(),
			&cli.BoolFlag{Name: "revoke", Usage: "revoke all their certificates too"}, reasonFlag(),
			atFlag("do it"),
		}, removalFlags()),
		Run: func(c *cli.Context) error {
			o, err := bulkJobChoice(env, c)
			if err != nil {
				return err
			}
			o.update.Delete = &bulk.Deletion{}
			switch {
			case c.IsSet("reason") && !c.Bool("revoke"):
				return apperr.Usage("--reason is for --revoke")
			case c.Bool("revoke"):
				if o.update.Delete.Revoke, err = revocationReason(c); err != nil {
					return err
				}
			}
			return bulkDelete(c.Context, env, o)
		},
	}
}

func bulkDelete(ctx context.Context, env *Env, o bulkJob) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r := deviceRules(env, s)
	return forListed(ctx, env, s.Reader, &o.update.Selection.Names, false, func() error {
		names, err := selectedNames(ctx, r, o.update.Selection)
		if err != nil {
			return err
		}
		if len(names) == 0 && o.at == nil {
			env.say(noneSelected)
			if o.dryRun {
				return emptyList(env)
			}
			return showNoJob(env)
		}
		held, err := stillAccepted(ctx, env, s, names)
		if err != nil {
			return err
		}
		if held > 0 && o.update.Delete.Revoke == "" {
			env.say("note: other systems may still accept %s of them; --revoke revokes them", counted(held, "certificate"))
		}
		if o.dryRun {
			return bulkDeletePreview(ctx, env, r, o, held)
		}
		what := counted(len(names), "device")
		if o.update.Delete.Revoke != "" && held > 0 {
			what += " and revoke " + counted(held, "certificate") + " (" + string(o.update.Delete.Revoke) + ")"
		}
		if o.at != nil {
			return bulkLater(ctx, env, r, bulkUpdateOptions{bulkJob: o}, int64(len(names)))
		}
		if err := env.consent(o.yes, "delete %s", what); err != nil {
			return err
		}
		return bulkNow(ctx, env, r, bulkUpdateOptions{bulkJob: o})
	})
}

// stillAccepted counts the certificates of devices of those names that other systems may
// accept.
func stillAccepted(ctx context.Context, env *Env, s *store.Store, names []string) (int, error) {
	list, err := revoker(env, s).Revocable(ctx, lscs.Choice{Devices: names})
	revoked := func(l store.LSC) bool { return l.State == store.LSCRevoked && l.Reason != store.CertificateHold }
	return len(slices.DeleteFunc(list, revoked)), err
}

// bulkDeletePreview says what would be deleted and revoked.
func bulkDeletePreview(ctx context.Context, env *Env, r *devices.Rules, o bulkJob, held int) error {
	n, err := rehearseJob(ctx, env, r, o.update)
	if err != nil {
		return err
	}
	what := "%s would be deleted"
	if o.update.Delete.Revoke != "" && held > 0 {
		what += ", and " + counted(held, "certificate") + " revoked (" + string(o.update.Delete.Revoke) + ")"
	}
	env.say(what+"; nothing was changed", counted(n.Changed, "device"))
	return showRehearsed(ctx, env, r, o.update.Selection, n)
}
