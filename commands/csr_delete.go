package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/lscs"
	"capf/internal/apperr"
	"capf/store"
)

func csrDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "[ID...|all]", Short: "delete requests",
		Role: cmdline.Operator,
		About: `The word all means all requests that wait for a certificate. A request whose
certificate was issued is kept, because it explains the certificate. Either all
named requests are deleted or none.

--before deletes all requests from before a time whose certificate is not kept:
those that are waiting, were superseded by newer ones or rejected by an issuer, and
those whose certificate was stale and has been deleted.`,
		Example: "capf csr delete all --dry-run",
		Output:  cmdline.List, Columns: headings(requestColumns), Flags: append(removalFlags(), beforeFlag()),
		Run: func(c *cli.Context) error {
			o := removal(c)
			if before, err := ageLimit(env, c); err != nil {
				return err
			} else if before != nil {
				return csrDeleteBefore(c.Context, env, *before, o)
			}
			if len(o.names) == 0 {
				return apperr.WithHint(apperr.Usage("no requests are named"), "give their numbers, all, or --before TIME")
			}
			ids, err := parseIDs(o.names)
			if err != nil {
				return err
			}
			return csrDelete(c.Context, env, ids, o)
		},
	}
}

// csrDelete deletes the requests with the ids; without ids, all that wait.
func csrDelete(ctx context.Context, env *Env, ids []int64, o removeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	waiting := store.RequestFilter{State: store.RequestPending}
	what := counted(len(ids), "request")
	if ids == nil {
		n, err := s.CountRequests(ctx, waiting)
		if err != nil {
			return err
		}
		if n == 0 {
			env.say("no request is waiting")
			return nothingToRemove(env, o)
		}
		what = fmt.Sprintf("all waiting requests (%d)", n)
	}
	return carryOutRemoval(ctx, env, o, s, removing{what, "request",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return lscs.DeleteRequests(ctx, s, env.actor(), lscs.Requests{IDs: ids})
		},
		func() error {
			rows := s.Requests(ctx, waiting)
			if ids != nil {
				rows = each(ctx, ids, s.Request)
			}
			return showList(env, rows, requestColumns, "nothing would be deleted")
		},
	})
}

// csrDeleteBefore deletes old requests whose certificate is not kept.
func csrDeleteBefore(ctx context.Context, env *Env, before time.Time, o removeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	old := store.RequestFilter{Before: &before, Bare: true}
	n, err := s.CountRequests(ctx, old)
	if err != nil {
		return err
	}
	if n == 0 {
		env.say("no request is older")
		return nothingToRemove(env, o)
	}
	what := fmt.Sprintf("%s from before %s", counted(n, "request"), term.Cell(term.WithZone(before)))
	return carryOutRemoval(ctx, env, o, s, removing{what, "request",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return lscs.DeleteRequests(ctx, s, env.actor(), lscs.Requests{Before: &before})
		},
		func() error { return showList(env, s.Requests(ctx, old), requestColumns, "nothing would be deleted") },
	})
}
