package commands

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/store"
)

type bulkDeleteOptions struct {
	update      bulk.Update
	at          *time.Time // nil for immediately
	yes, dryRun bool
}

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
			&cli.BoolFlag{Name: "all", Usage: "select all devices"},
			&cli.BoolFlag{Name: "revoke", Usage: "revoke all their certificates too"}, reasonFlag(),
			&cli.StringFlag{Name: "at", Usage: "do it at the `TIME`: 2027:01:31:18:00, RFC 3339, +12h"},
		}, removalFlags()),
		Run: func(c *cli.Context) error {
			o := bulkDeleteOptions{yes: c.Bool("yes"), dryRun: c.Bool("dry-run")}
			var err error
			if o.update.Selection, err = wholeSelection(env, c); err != nil {
				return err
			}
			if o.at, err = optional(c, "at", env.deadline); err != nil {
				return err
			}
			o.update.Delete = &bulk.Deletion{}
			switch {
			case o.dryRun && o.at != nil:
				return apperr.Usage("--dry-run and --at exclude each other")
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

func bulkDelete(ctx context.Context, env *Env, o bulkDeleteOptions) error {
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
			return emptyList(env)
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
			return bulkLater(ctx, env, r, bulkUpdateOptions{update: o.update, at: o.at, yes: o.yes}, int64(len(names)))
		}
		if err := env.consent(o.yes, "delete %s", what); err != nil {
			return err
		}
		return bulkNow(ctx, env, r, bulkUpdateOptions{update: o.update})
	})
}

// wholeSelection reads the filters of a command that changes what it selects, and refuses
// to take their absence for all devices.
func wholeSelection(env *Env, c *cli.Context) (bulk.Selection, error) {
	s, err := selectionOf(env, c, withWord)
	if err != nil {
		return s, err
	}
	switch all := c.Bool("all"); {
	case all && !s.Empty():
		return s, apperr.Usage("--all and a filter exclude each other")
	case !all && s.Empty():
		return s, apperr.WithHint(apperr.Usage("no filter says which devices"), "capf bulk select --help lists the filters; --all selects all devices")
	}
	return s, nil
}

func selectedNames(ctx context.Context, r *devices.Rules, sel bulk.Selection) ([]string, error) {
	selected, err := bulk.Select(ctx, r, sel)
	if err != nil {
		return nil, err
	}
	names := []string{} // not nil: a list without names is of no device
	for v, err := range selected {
		if err != nil {
			return nil, err
		}
		names = append(names, v.Name)
	}
	return names, nil
}

// stillAccepted counts the certificates of devices of those names that other systems may
// accept.
func stillAccepted(ctx context.Context, env *Env, s *store.Store, names []string) (int, error) {
	list, err := revoker(env, s).Revocable(ctx, lscs.Choice{Devices: names})
	revoked := func(l store.LSC) bool { return l.State == store.LSCRevoked && l.Reason != store.CertificateHold }
	return len(slices.DeleteFunc(list, revoked)), err
}

// bulkDeletePreview does all of it in a transaction that is undone, and shows the devices.
func bulkDeletePreview(ctx context.Context, env *Env, r *devices.Rules, o bulkDeleteOptions, held int) error {
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return err
	}
	n, err := runner.Rehearse(ctx, env.actor(), o.update)
	end()
	if err != nil {
		return err
	}
	what := "%s would be deleted"
	if o.update.Delete.Revoke != "" && held > 0 {
		what += ", and " + counted(held, "certificate") + " revoked (" + string(o.update.Delete.Revoke) + ")"
	}
	env.say(what+"; nothing was changed", counted(n.Changed, "device"))
	selected, err := bulk.Select(ctx, r, o.update.Selection)
	if err != nil {
		return err
	}
	return showList(env, selected, selectedColumns, "")
}
