package commands

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
)

// What the commands have in common that make something as a file describes it: cert
// apply, device apply and set --from.

type applyOptions struct {
	prune, dryRun, yes bool
}

func applyChoice(c *cli.Context) applyOptions {
	return applyOptions{c.Bool("prune"), c.Bool("dry-run"), c.Bool("yes")}
}

// applyFlags are the flags of what can also remove.
func applyFlags(removes string) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "prune", Usage: removes},
		&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done; exit code 6 if that is anything"},
		&cli.BoolFlag{Name: "yes", Usage: "do not ask before --prune removes something"},
	}
}

// beside is the path of a file that a document names; stdin stands in the present folder.
func beside(document, name string) string {
	if filepath.IsAbs(name) || document == "-" {
		return name
	}
	return filepath.Join(filepath.Dir(document), name)
}

// applied is what apply did, or would do.
type applied struct {
	Changed  bool         `json:"changed"`
	DryRun   bool         `json:"dry_run"`
	Adds     int          `json:"add"`
	Changes  int          `json:"change"`
	Removes  int          `json:"remove"`
	Same     int          `json:"same"`
	Diff     []difference `json:"changes"`
	Kept     []difference `json:"kept,omitempty"`
	Impact   []string     `json:"impact,omitempty"`
	Warnings []string     `json:"warnings,omitempty"`
}

// The words for the kinds of changes.
const (
	adds    = "add"
	changes = "change"
	removes = "remove"
)

func (a *applied) add(d difference) {
	a.Changed = true
	a.Diff = append(a.Diff, d)
	switch d.Change {
	case adds:
		a.Adds++
	case removes:
		a.Removes++
	default:
		a.Changes++
	}
}

// show prints the differences: a line for each, or one document.
func (a applied) show(env *Env) error {
	if env.Format == term.JSON {
		if a.Diff == nil {
			a.Diff = []difference{}
		}
		return printJSON(env, a)
	}
	printDifferences(env, a.Diff)
	return nil
}

// conclude prints what was done unless it has been shown, and returns the exit code
// of a dry run that found differences.
func (a applied) conclude(env *Env, shown bool, thing string) error {
	if !shown {
		if err := a.show(env); err != nil {
			return err
		}
	}
	for _, k := range a.Kept {
		env.say("kept: %s%s (%s)", prefixed(k.Purpose), k.Name, k.Reason)
	}
	if !a.Changed {
		env.say("nothing to change: %s as described", areOrIs(a.Same, thing))
		return nil
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{a.Adds, "added"}, {a.Changes, "changed"}, {a.Removes, "removed"}, {a.Same, "as described"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	text := strings.Join(parts, ", ")
	if a.DryRun {
		env.say("it would be: %s; nothing was changed", text)
		return exitWouldChange
	}
	env.say("%s", text)
	return nil
}

func prefixed(purpose string) string {
	if purpose == "" {
		return ""
	}
	return purpose + ": "
}

func areOrIs(n int, thing string) string {
	if n == 1 {
		return counted(n, thing) + " is"
	}
	return counted(n, thing) + " are"
}

// sayImpact says what phones lose, before they lose it.
func sayImpact(env *Env, lines []string) {
	for _, line := range lines {
		env.say("impact: %s", line)
	}
}
