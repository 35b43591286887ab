package commands

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/lscs"
	"capf/store"
)

type staleDeleteOptions struct {
	removeOptions
	all     bool
	allWord bool       // whether the word all was given
	before  *time.Time // nil for no limit
}

func staleDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "[SERIAL...|all]", Short: "delete stale certificates",
		Privilege: cmdline.Look, Role: cmdline.Operator,
		About: `Without serial numbers, all of them are deleted. Without a terminal the word all is
enough confirmation, because scripts for the vendor's system give no other. Either
all named certificates are deleted or none. --before deletes those that became
stale before a time.

A phone may have a stale certificate, if only its confirmation was lost. So its
serial number and fingerprint are kept until it expires: it is in no list, is no
longer accepted, and can still be revoked.`,
		Example: "capf stale-lsc delete all",
		Output:  cmdline.List, Columns: headings(staleColumns), Flags: append(removalFlags(), beforeFlag()),
		Run: func(c *cli.Context) error {
			o := staleDeleteOptions{removeOptions: removal(c)}
			o.allWord = len(o.names) == 1 && o.names[0] == "all"
			o.all = o.allWord || len(o.names) == 0
			var err error
			if o.before, err = ageLimit(env, c); err != nil {
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
	if !o.all {
		if o.names, err = lscs.FullSerials(ctx, s.Reader, o.names...); err != nil {
			return err
		}
	}
	old, none := staleOnes(), noStale
	if o.before != nil {
		old.EndedBefore, none = o.before, "no stale certificate is older"
	}
	what := counted(len(o.names), "stale certificate")
	if o.all {
		n, err := s.CountLSCs(ctx, old)
		if err != nil {
			return err
		}
		if n == 0 {
			env.say("%s", none)
			return nothingToRemove(env, o.removeOptions)
		}
		what = fmt.Sprintf("all stale certificates (%d)", n)
		if o.before != nil {
			what = fmt.Sprintf("%s from before %s", counted(n, "stale certificate"), term.Cell(term.WithZone(*o.before)))
		}
	}
	o.yes = o.yes || o.allWord && env.Prompt == nil
	return carryOutRemoval(ctx, env, o.removeOptions, s, removing{what, "stale certificate",
		func(ctx context.Context, s *store.Store) (int64, error) {
			which := lscs.Stale{Before: o.before}
			if !o.all {
				which.Serials = o.names
			}
			return lscs.DeleteStale(ctx, s, env.actor(), which)
		},
		func() error { return showList(env, staleRows(ctx, s.Reader, old, o), staleColumns, none) },
	})
}

// staleRows are the stale LSCs that are meant. Two issuers may have used the same
// serial.
func staleRows(ctx context.Context, s *store.Reader, old store.LSCFilter, o staleDeleteOptions) iter.Seq2[store.LSC, error] {
	if o.all {
		return s.LSCs(ctx, old)
	}
	return func(yield func(store.LSC, error) bool) {
		for _, serial := range o.names {
			old.Serial = serial
			for l, err := range s.LSCs(ctx, old) {
				if !yield(l, err) {
					return
				}
			}
		}
	}
}
