package cmdline

import (
	"fmt"
	"strings"

	"capf/commands/internal/term"
)

// Documents are the reference of all commands and the manual pages, by the names
// of their files. More is a section of the reference before the commands.
func Documents(root *Command, more string) map[string]string {
	texts := map[string]string{"reference.md": reference(root, more), "man/capf.1": rootManual(root)}
	for i := range root.Commands {
		c := &root.Commands[i]
		texts["man/capf-"+c.Name+".1"] = commandManual(root, c)
	}
	return texts
}

// leaf is a command that does something, with the words that lead to it.
type leaf struct {
	*Command
	Name string // such as capf csr list
}

func Leaves(c *Command, name string) (all []leaf) {
	if c.Commands == nil {
		return []leaf{{c, name}}
	}
	for i := range c.Commands {
		all = append(all, Leaves(&c.Commands[i], name+" "+c.Commands[i].Name)...)
	}
	return all
}

// privilegeText says what a command needs in capf shell.
func (l leaf) privilegeText() string {
	switch {
	case l.Privilege == OutsideShell:
		return "not available"
	case l.Exempt != "":
		return fmt.Sprintf("privilege %d, for %s %d", l.Privilege.Level(), l.Exempt, Look.Level())
	}
	return fmt.Sprintf("privilege %d", l.Privilege.Level())
}

const generated = "make docs writes this from the command tree; do not edit it by hand."

// reference is every command on one page, in Markdown.
func reference(root *Command, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Reference of commands\n\n<!-- %s -->\n\n", generated)
	all := Leaves(root, root.Name)
	for _, l := range all {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", l.Name, strings.ReplaceAll(l.Name, " ", "-"), l.Short)
	}
	fmt.Fprintf(&b, "\n## Common to all\n\n```\n%s```\n", root.Notes)
	b.WriteString(more)
	for _, l := range all {
		l.markdown(&b)
	}
	return b.String()
}

func (l leaf) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", l.Name, term.UpperFirst(l.Short), usage(l.Name, l.Command))
	if l.About != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(l.About))
	}
	if flags := l.AllFlags(); len(flags) > 0 {
		fmt.Fprint(b, "\n| flag | |\n|---|---|\n")
		for _, f := range flags {
			form, meaning := describeFlag(f)
			fmt.Fprintf(b, "| `%s` | %s |\n", form, MarkdownCell(meaning))
		}
	}
	if len(l.Aliases) > 0 {
		fmt.Fprintf(b, "\nAlso called %s.\n", strings.Join(l.Aliases, ", "))
	}
	fmt.Fprintf(b, "\nIn `capf shell`: %s.\n", l.privilegeText())
	if l.Example != "" {
		fmt.Fprintf(b, "\n    %s\n", l.Example)
	}
}

// MarkdownCell is a text in a table of Markdown.
func MarkdownCell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(s)
}
