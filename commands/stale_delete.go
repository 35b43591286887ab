package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
)

type staleDeleteOptions struct {
	removeOptions
	all     bool
	allWord bool       // the word all was given
	before  *time.Time // nil for no limit
}

func staleDeleteCommand() command {
	return command{
		name: "delete", args: "[SERIAL...|all]", short: "delete stale certificates",
		about: `Without serial numbers, all of them. Off a terminal the word all is consent
enough, since scripts written for the vendor's system say no more. Unless all
that are named can be deleted, none is. --before takes those that became stale
before a time.`,
		example: "capf stale-lsc delete all",
		output:  list, flags: append(removalFlags(), beforeFlag()),
		run: func(env *Env, c *cli.Context) error {
			o := staleDeleteOptions{removeOptions: removal(c)}
			o.allWord = len(o.names) == 1 && o.names[0] == "all"
			o.all = o.allWord || len(o.names) == 0
			var err error
			if o.before, err = env.ageLimit(c); err != nil {
				return err
			}
			return staleDelete(c.Context, env, o)
		},
	}
}

func staleDelete(ctx context.Context, env *Env, o staleDeleteOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	old, none := staleOnes(), noStale
	if o.before != nil {
		old.EndedBefore, none = o.before, "no stale certificate is older"
	}
	serials, what := o.names, counted(len(o.names), "stale certificate")
	if o.all {
		serials = nil
		n, err := s.CountLSCs(ctx, old)
		if err != nil {
			return err
		}
		if n == 0 {
			env.say("%s", none)
			return env.nothingRemoved()
		}
		what = fmt.Sprintf("all stale certificates (%d)", n)
		if o.before != nil {
			what = fmt.Sprintf("%s from before %s", counted(n, "stale certificate"), timestamp(*o.before))
		}
	}
	if o.dryRun {
		env.say("%s would be deleted", what)
		rows := s.LSCs(ctx, old)
		if serials != nil {
			rows = each(ctx, serials, s.LSC)
		}
		return showList(env, rows, staleColumns, none)
	}
	if err := env.consent(o.yes || o.allWord && env.Prompt == nil, "delete %s", what); err != nil {
		return err
	}
	var n int64
	if o.before == nil {
		n, err = s.DeleteStale(ctx, env.actor(), serials)
	} else {
		n, err = s.DeleteStaleBefore(ctx, env.actor(), *o.before)
	}
	if err != nil {
		return err
	}
	return env.sayRemoved(n, "stale certificate")
}
