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
		About: `The word all stands for the requests that wait for a certificate. A request for
which one was issued is kept, since it explains the certificate. Unless all that
are named can be deleted, none is.

--before takes all requests from before a time of which no certificate is kept:
those that wait, that newer ones have overtaken, that an issuer has rejected, and
those whose certificate was stale and has been deleted.`,
		Example: "capf csr delete all --dry-run",
		Output:  cmdline.List, Flags: append(removalFlags(), beforeFlag()),
		Run: func(c *cli.Context) error {
			o := removal(c)
			if before, err := ageLimit(env, c); err != nil {
				return err
			} else if before != nil {
				return csrDeleteBefore(c.Context, env, *before, o)
			}
			if len(o.names) == 0 {
				return apperr.WithHint(apperr.Usage("which requests is not said"), "give their numbers, all, or --before TIME")
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

// csrDeleteBefore deletes old requests of which no certificate is kept.
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
	what := fmt.Sprintf("%s from before %s", counted(n, "request"), term.Timestamp(before))
	return carryOutRemoval(ctx, env, o, s, removing{what, "request",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return lscs.DeleteRequests(ctx, s, env.actor(), lscs.Requests{Before: &before})
		},
		func() error { return showList(env, s.Requests(ctx, old), requestColumns, "nothing would be deleted") },
	})
}
