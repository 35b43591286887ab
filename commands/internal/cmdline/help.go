package cmdline

import (
	"capf/commands/internal/term"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help prints the page of the command that a line leads to.
func Help(w io.Writer, l Line) {
	c := l.Command
	if c.Commands != nil {
		helpGroup(w, l)
		return
	}
	usage := "Usage: " + l.Name()
	if len(c.AllFlags()) > 0 {
		usage += " [flags]"
	}
	fmt.Fprintln(w, strings.TrimRight(usage+" "+c.Args, " "))
	fmt.Fprintf(w, "\n%s.\n", term.UpperFirst(c.Short))
	if c.About != "" {
		for paragraph := range strings.SplitSeq(strings.TrimSpace(c.About), "\n\n") {
			fmt.Fprintf(w, "\n%s\n", term.Fold(paragraph, 0))
		}
	}
	helpFlags(w, c.AllFlags())
	if len(c.Aliases) > 0 {
		fmt.Fprintf(w, "\nAlso: %s\n", strings.Join(c.Aliases, ", "))
	}
	if c.Example != "" {
		fmt.Fprintf(w, "\nExample:\n  %s\n", c.Example)
	}
}

func helpGroup(w io.Writer, l Line) {
	fmt.Fprintf(w, "Usage: %s COMMAND\n\n%s.\n\nCommands:\n", l.Name(), term.UpperFirst(l.Command.Short))
	width := 0
	for _, sub := range l.Command.Commands {
		width = max(width, len(sub.Name))
	}
	for _, sub := range l.Command.Commands {
		fmt.Fprintf(w, "  %-*s  %s\n", width, sub.Name, term.Fold(sub.Short, width+4))
	}
	if l.Command.Notes != "" {
		fmt.Fprintf(w, "\n%s", l.Command.Notes)
	}
	fmt.Fprintf(w, "\n%s COMMAND --help says more.\n", l.Name())
}

func helpFlags(w io.Writer, flags []cli.Flag) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprint(w, "\nFlags:\n")
	width := 0
	for _, f := range flags {
		left, _ := describeFlag(f)
		width = max(width, len(left))
	}
	for _, f := range flags {
		left, right := describeFlag(f)
		fmt.Fprintf(w, "  %-*s  %s\n", width, left, term.Fold(right, width+4))
	}
}

// describeFlag splits what is said of a flag into its form and its meaning. As
// in package flag, the word between backquotes stands for the value.
func describeFlag(f cli.Flag) (form, meaning string) {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "--" + f.Names()[0], ""
	}
	form, meaning = "--"+f.Names()[0], d.GetUsage()
	if !d.TakesValue() {
		return form, meaning
	}
	before, rest, found := strings.Cut(meaning, "`")
	if word, after, closed := strings.Cut(rest, "`"); found && closed {
		form, meaning = form+" "+word, before+word+after
		if values, ok := strings.CutPrefix(after, ": "); ok && before == "" {
			meaning = values
		}
	}
	if def := strings.Trim(d.GetDefaultText(), `"`); def != "" && def != "0" && def != "0s" {
		meaning += " (default " + def + ")"
	}
	return form, meaning
}
