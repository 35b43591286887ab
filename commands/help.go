package commands

import (
	"capf/commands/internal/term"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// rootNotes are what the help of capf itself says besides its commands.
const rootNotes = `Common flags, anywhere on the line:
  flag          environment   default
  --db FILE     CAPF_DB       /var/lib/capf/capf.db for root and the user capf,
                              else capf/capf.db in the user's data directory
  --json        CAPF_OUTPUT   table; json or csv where a command has them
  --csv
  --no-header                 a line of headings above tables and CSV

Other environment:
  CAPF_MASTER_KEY_FILE        the master key; default a file beside the database
                              or, for the system's, /etc/capf/master-key
  CREDENTIALS_DIRECTORY       of systemd, with the credential capf-master-key
  XDG_DATA_HOME               the user's data directory; default ~/.local/share
  NO_COLOR                    questions without colour
  TZ                          the local time: Europe/Berlin, or a rule of POSIX

Tables show local time, JSON and CSV show UTC.

Exit codes:
  0 done  1 failed  2 misused  3 not found  4 refused by a rule  5 partly done

The vendor's spellings are the same commands: utils capf csr list.
`

// help prints the page of the command that a line leads to.
func help(w io.Writer, l line) {
	c := l.command
	if c.commands != nil {
		helpGroup(w, l)
		return
	}
	usage := "Usage: " + l.name()
	if len(c.allFlags()) > 0 {
		usage += " [flags]"
	}
	fmt.Fprintln(w, strings.TrimRight(usage+" "+c.args, " "))
	fmt.Fprintf(w, "\n%s.\n", term.UpperFirst(c.short))
	if c.about != "" {
		for paragraph := range strings.SplitSeq(strings.TrimSpace(c.about), "\n\n") {
			fmt.Fprintf(w, "\n%s\n", term.Fold(paragraph, 0))
		}
	}
	helpFlags(w, c.allFlags())
	if len(c.aliases) > 0 {
		fmt.Fprintf(w, "\nAlso: %s\n", strings.Join(c.aliases, ", "))
	}
	if c.example != "" {
		fmt.Fprintf(w, "\nExample:\n  %s\n", c.example)
	}
}

func helpGroup(w io.Writer, l line) {
	fmt.Fprintf(w, "Usage: %s COMMAND\n\n%s.\n\nCommands:\n", l.name(), term.UpperFirst(l.command.short))
	width := 0
	for _, sub := range l.command.commands {
		width = max(width, len(sub.name))
	}
	for _, sub := range l.command.commands {
		fmt.Fprintf(w, "  %-*s  %s\n", width, sub.name, term.Fold(sub.short, width+4))
	}
	if len(l.path) == 1 {
		fmt.Fprintf(w, "\n%s", rootNotes)
	}
	fmt.Fprintf(w, "\n%s COMMAND --help says more.\n", l.name())
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
