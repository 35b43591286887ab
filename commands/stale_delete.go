package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

type staleDeleteOptions struct {
	removeOptions
	all     bool
	allWord bool // the word all was given
}

func staleDeleteCommand() command {
	return command{
		name: "delete", args: "[SERIAL...|all]", short: "delete stale certificates",
		about: `Without serial numbers, all of them. Off a terminal the word all is consent
enough, since scripts written for the vendor's system say no more. Unless all
that are named can be deleted, none is.`,
		example: "capf stale-lsc delete all",
		output:  list, flags: removalFlags(),
		run: func(env *Env, c *cli.Context) error {
			o := staleDeleteOptions{removeOptions: removal(c)}
			o.allWord = len(o.names) == 1 && o.names[0] == "all"
			o.all = o.allWord || len(o.names) == 0
			return staleDelete(c.Context, env, o)
		},
	}
}

func staleDelete(ctx context.Context, env *Env, o staleDeleteOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	serials, what := o.names, counted(len(o.names), "stale certificate")
	if o.all {
		serials = nil
		n, err := s.CountLSCs(ctx, staleOnes())
		if err != nil {
			return err
		}
		if n == 0 {
			env.say(noStale)
			return env.nothingRemoved()
		}
		what = fmt.Sprintf("all stale certificates (%d)", n)
	}
	if o.dryRun {
		env.say("%s would be deleted", what)
		rows := s.LSCs(ctx, staleOnes())
		if serials != nil {
			rows = each(ctx, serials, s.LSC)
		}
		return showList(env, rows, staleColumns, noStale)
	}
	if err := env.consent(o.yes || o.allWord && env.Prompt == nil, "delete %s", what); err != nil {
		return err
	}
	n, err := s.DeleteStale(ctx, env.actor(), serials)
	if err != nil {
		return err
	}
	return env.sayRemoved(n, "stale certificate")
}
