package commands

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/internal/document"
	"capf/store"
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

// difference is one thing that is not as it is described. Its names in JSON are
// those of the document that apply prints.
type difference struct {
	Change     string      `json:"change"` // add, change or remove
	Name       string      `json:"name"`
	Purpose    string      `json:"purpose,omitempty"`
	Print      string      `json:"fingerprint_sha256,omitempty"`
	Attributes []attribute `json:"attributes,omitempty"`
	Reason     string      `json:"reason,omitempty"` // why it is kept
}

// attribute is one that differs. From is missing for what is new, and both are for a
// secret.
type attribute struct {
	Name string `json:"name"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
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
	for _, d := range a.Diff {
		fmt.Fprintln(env.out, term.OneLine(d.String()))
	}
	return nil
}

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
	for _, d := range diff {
		fmt.Fprintln(env.out, term.OneLine(d.String()))
	}
	return env.out.Flush()
}

// String is the line of a difference.
func (d difference) String() string {
	line := map[string]string{adds: "+", removes: "-"}[d.Change]
	if line == "" {
		line = "~"
	}
	if d.Purpose != "" {
		line += " " + d.Purpose + ":"
	}
	line += " " + d.Name
	for i, a := range d.Attributes {
		separator := "; "
		if i == 0 {
			separator = "  "
		}
		line += separator + a.words(d.Change)
	}
	return line
}

func (a attribute) words(change string) string {
	switch {
	case a.From == nil && a.To == nil:
		return a.Name + " (secret)"
	case change == adds:
		return a.Name + "=" + word(a.To)
	}
	return fmt.Sprintf("%s: %s -> %s", a.Name, word(a.From), word(a.To))
}

// word is a value in a line of differences; one of several words is quoted.
func word(v any) string {
	text := term.Text(v)
	if words, is := v.([]string); is {
		text = strings.Join(words, ",")
	}
	if text == "" {
		return `""`
	}
	for _, r := range text {
		if r == ' ' || r == '"' || r == ';' {
			return fmt.Sprintf("%q", text)
		}
	}
	return text
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

// sayProblems names everything that is wrong in a file, as compilers do, and returns
// the refusal of the whole. It returns other errors as they are.
func sayProblems(env *Env, file string, err error) error {
	problems, ok := err.(document.Problems)
	if !ok {
		return err
	}
	name := file
	if file == "-" {
		name = "stdin"
	}
	for _, p := range problems {
		switch {
		case env.Format == term.JSON:
		case p.Line == 0:
			env.say("%s", p.Text)
		default:
			env.say("%s:%d: %s", name, p.Line, p.Text)
		}
	}
	if env.Format == term.JSON {
		if err := printJSON(env, struct {
			Problems document.Problems `json:"problems"`
		}{problems}); err != nil {
			return err
		}
	}
	return apperr.Refused("%s in %s, so nothing was changed", counted(len(problems), "problem"), files.InputName(file))
}
