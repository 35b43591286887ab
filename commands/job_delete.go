package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/jobs"
	"capf/internal/apperr"
	"capf/store"
)

func jobDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "[ID...]", Short: "delete jobs that have ended, with their results",
		Role: cmdline.Operator,
		About: `What the jobs changed stays, and so do its events. Either all named jobs are
deleted or none. --before deletes all that ended before a time.

capf status reports a job that failed, or was only partly done, for seven days;
deleting it means that it has been dealt with.`,
		Example: "capf job delete --before 90d --dry-run",
		Output:  cmdline.List, Columns: headings(jobColumns), Flags: append(removalFlags(), beforeFlag()),
		Run: func(c *cli.Context) error {
			o := removal(c)
			before, err := ageLimit(env, c)
			switch {
			case err != nil:
				return err
			case before != nil:
				return jobDeleteBefore(c.Context, env, *before, o)
			case len(o.names) == 0:
				return apperr.WithHint(apperr.Usage("no jobs are named"), "give their numbers, or --before TIME")
			}
			return jobDelete(c.Context, env, o)
		},
	}
}

func jobDelete(ctx context.Context, env *Env, o removeOptions) error {
	var ids []int64
	for _, name := range o.names {
		id, err := jobID(name)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	ids = eachOnce(ids)
	what := counted(len(ids), "job")
	return carryOutRemoval(ctx, env, o, s, removing{what, "job",
		func(ctx context.Context, s *store.Store) (int64, error) {
			n, err := jobs.Delete(ctx, s, env.actor(), ids)
			if errors.Is(err, store.ErrConflict) {
				err = apperr.WithHint(err, "capf job cancel ID ends one that has not ended")
			}
			return n, err
		},
		func() error { return showList(env, each(ctx, ids, s.Job), jobColumns, "nothing would be deleted") },
	})
}

func jobDeleteBefore(ctx context.Context, env *Env, before time.Time, o removeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	old := store.JobFilter{EndedBefore: &before}
	n, err := s.CountJobs(ctx, old)
	if err != nil {
		return err
	}
	if n == 0 {
		env.say("no job that has ended is older")
		return nothingToRemove(env, o)
	}
	what := fmt.Sprintf("%s that ended before %s", counted(n, "job"), term.Cell(term.WithZone(before)))
	return carryOutRemoval(ctx, env, o, s, removing{what, "job",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return jobs.DeleteBefore(ctx, s, env.actor(), before)
		},
		func() error { return showList(env, s.Jobs(ctx, old), jobColumns, "nothing would be deleted") },
	})
}
