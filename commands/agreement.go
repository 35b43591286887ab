package commands

import (
	"slices"

	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/store"
)

// agreement is what the operator is told, and asked where something is removed, before
// anything is changed.
type agreement struct {
	applyOptions
	what        string // that is changed, such as the trust stores
	said, asked bool
}

// ask returns an error if it is not to be. It may be called again when others have
// changed something meanwhile; then it agrees only for an operator who has not seen
// what was to be done.
func (g *agreement) ask(env *Env, a applied, format string, args ...any) error {
	if g.asked {
		return apperr.WithHint(apperr.New(store.ErrConflict, "%s have changed meanwhile, so nothing was changed", g.what), "run it again")
	}
	asks := a.Removes > 0 && !g.dryRun && !g.yes
	if g.asked = asks && env.Prompt != nil; g.asked {
		if err := a.preview(env); err != nil {
			return err
		}
	}
	if !g.said {
		g.said = true
		sayImpact(env, a.Impact)
		env.warn(a.Warnings)
	}
	if !asks {
		return nil
	}
	return env.consent(g.yes, format, args...)
}

// shown reports whether the operator has seen the differences.
func (g *agreement) shown(env *Env) bool { return g.asked && env.Format != term.JSON }

// previewLines is how many differences stand above the question whether they are
// meant: more would push it and themselves off the screen.
const previewLines = 30

// preview shows what a question is about: all that is removed first.
func (a applied) preview(env *Env) error {
	diff := slices.Clone(a.Diff)
	slices.SortStableFunc(diff, func(x, y difference) int {
		switch {
		case x.Change == y.Change:
			return 0
		case x.Change == removes:
			return -1
		case y.Change == removes:
			return 1
		}
		return 0
	})
	if hidden := len(diff) - previewLines; hidden > 0 {
		diff = diff[:previewLines]
		defer env.say("and %s more; --dry-run shows them all", counted(hidden, "difference"))
	}
	printDifferences(env, diff)
	return env.out.Flush()
}
