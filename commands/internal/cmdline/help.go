package cmdline

import (
	"cmp"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
)

// commandPage is the help of a command, in the templates of urfave/cli. The page that
// urfave/cli has itself does not set the value of a flag apart from its meaning, and
// is wider than a terminal. The flags have no categories: a command has few, and the
// common ones come last.
const commandPage = `Usage: {{.Usage}}

{{.Short}}.
{{range .Paragraphs}}
{{.}}
{{end}}{{with .Entries}}
Flags:
{{range .}}{{template "entry" .}}{{end}}{{end}}{{with .Also}}
Also: {{.}}
{{end}}{{with .Example}}
Example:
  {{.}}
{{end}}` + entryLine

// groupPage is the help of a group of commands.
const groupPage = `Usage: {{.Usage}} COMMAND

{{.Short}}.
{{range .Entries}}{{with .Heading}}
{{.}}:
{{end}}{{template "entry" .}}{{end}}{{with .Notes}}
{{.}}{{end}}
{{.Usage}} COMMAND --help says more.
` + entryLine

// entryLine is a command or a flag with its meaning.
const entryLine = `{{define "entry"}}  {{.Name}}  {{fold .Meaning .Indent}}
{{end}}`

// page is what the templates print.
type page struct {
	Usage, Short, Also, Example, Notes string
	Paragraphs                         []string
	Entries                            []entry
}

type entry struct {
	Heading string // above the first of a subject
	Name    string // padded to the width of the longest
	Meaning string
	Indent  int // of the second line of the meaning
}

// Help prints the page of the command that a line leads to.
func Help(w io.Writer, l Line) {
	c := l.Command
	p := page{Usage: l.Name(), Short: term.UpperFirst(c.Short), Also: strings.Join(c.Aliases, ", "), Example: c.Example, Notes: c.Notes}
	var names, meanings []string
	form := groupPage
	if c.Commands != nil {
		for _, sub := range c.Commands {
			names, meanings = append(names, sub.Name), append(meanings, sub.Short)
		}
	} else {
		form, p.Usage = commandPage, usage(l.Name(), c)
		if about := strings.TrimSpace(c.About); about != "" {
			for _, text := range strings.Split(about, "\n\n") {
				if keepsLines(text) {
					text = "  " + strings.ReplaceAll(text, "\n", "\n  ")
				} else {
					text = term.Fold(text, 0)
				}
				p.Paragraphs = append(p.Paragraphs, text)
			}
		}
		for _, f := range c.AllFlags() {
			name, meaning := describeFlag(f)
			names, meanings = append(names, name), append(meanings, meaning)
		}
	}
	p.Entries = entries(names, meanings)
	for i, sub := range c.Commands {
		if i == 0 || sub.Subject != c.Commands[i-1].Subject {
			p.Entries[i].Heading = cmp.Or(sub.Subject, "Commands")
		}
	}
	cli.HelpPrinterCustom(w, form, p, map[string]any{"fold": term.Fold})
}

// keepsLines reports whether a paragraph is meant as it stands, such as the text of a
// file: some of its lines are indented.
func keepsLines(paragraph string) bool { return strings.Contains(paragraph, "\n ") }

// usage is the first line of a command's help, of its manual page and of its part
// in the reference.
func usage(name string, c *Command) string {
	if len(c.AllFlags()) > 0 {
		name += " [flags]"
	}
	return strings.TrimRight(name+" "+c.Args, " ")
}

// entries lines up the meanings behind the names.
func entries(names, meanings []string) (all []entry) {
	width := 0
	for _, n := range names {
		width = max(width, len(n))
	}
	for i, n := range names {
		all = append(all, entry{Name: n + strings.Repeat(" ", width-len(n)), Meaning: meanings[i], Indent: width + 4})
	}
	return all
}

// describeFlag splits the description of a flag into its form and its meaning. As in
// package flag, the word between backquotes stands for the value.
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
