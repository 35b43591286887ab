package commands

import (
	"context"
	"fmt"
	"iter"

	"github.com/urfave/cli/v2"

	"capf/store"
)

func csrDeleteCommand() command {
	return command{
		name: "delete", args: "ID...|all", short: "delete requests",
		about: `The word all stands for the requests that wait for a certificate. A request for
which one was issued is kept, since it explains the certificate. Unless all that
are named can be deleted, none is.`,
		example: "capf csr delete all --dry-run",
		output:  list, flags: removalFlags(),
		run: func(env *Env, c *cli.Context) error {
			o := removal(c)
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
			return env.nothingRemoved()
		}
		what = fmt.Sprintf("all waiting requests (%d)", n)
	}
	if o.dryRun {
		env.say("%s would be deleted", what)
		rows := s.Requests(ctx, waiting)
		if ids != nil {
			rows = each(ctx, ids, s.Request)
		}
		return showList(env, rows, requestColumns, "nothing would be deleted")
	}
	if err := env.consent(o.yes, "delete %s", what); err != nil {
		return err
	}
	n, err := s.DeleteRequests(ctx, env.actor(), ids)
	if err != nil {
		return err
	}
	return env.sayRemoved(n, "request")
}

// each looks up what is named, in the order of the names.
func each[K, T any](ctx context.Context, names []K, find func(context.Context, K) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, name := range names {
			row, err := find(ctx, name)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}
