package cmdline

import (
	"fmt"
	"slices"
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
	if l.Privilege == OutsideShell {
		return "not available"
	}
	text := l.Needs().text()
	if l.Exempt != "" {
		text += fmt.Sprintf("; for %s privilege %d", l.Exempt, Look.Level())
	}
	for _, needs := range l.raised() {
		text += fmt.Sprintf("; with %s %s", strings.Join(needs.flags, ", "), needs.text())
	}
	return text
}

func (n Needs) text() string {
	return fmt.Sprintf("privilege %d, role %s", n.Privilege.Level(), n.Role)
}

// raised are the flags that need more than the command, together with those that need
// the same.
type raised struct {
	Needs
	flags []string
}

func (l leaf) raised() (all []raised) {
	for _, f := range l.AllFlags() {
		name := f.Names()[0]
		needs, ok := l.Raises[name]
		if !ok {
			continue
		}
		i := slices.IndexFunc(all, func(r raised) bool { return r.Needs == needs })
		if i < 0 {
			i, all = len(all), append(all, raised{Needs: needs})
		}
		all[i].flags = append(all[i].flags, "--"+name)
	}
	return all
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
		for _, paragraph := range strings.Split(strings.TrimSpace(l.About), "\n\n") {
			if keepsLines(paragraph) {
				paragraph = "```\n" + paragraph + "\n```"
			}
			fmt.Fprintf(b, "\n%s\n", paragraph)
		}
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
