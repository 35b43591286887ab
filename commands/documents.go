package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
	"capf/enroll/settings"
	"capf/internal/apperr"
)

// WriteDocuments writes what is generated from the command tree into a folder:
// reference.md and, in its folder man, the manual pages. It leaves other files
// as they are.
func WriteDocuments(folder string) error {
	for name, text := range documents(tree(nil)) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder of %q: %w", path, apperr.WithoutPath(err))
		}
		if err := replaceFile(system{}, path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// documents are the texts by the names of their files.
func documents(root *command) map[string]string {
	texts := map[string]string{"reference.md": reference(root), "man/capf.1": rootPage(root)}
	for i := range root.commands {
		c := &root.commands[i]
		texts["man/capf-"+c.name+".1"] = commandPage(root, c)
	}
	return texts
}

// leaf is a command that does something, with the words that lead to it.
type leaf struct {
	*command
	name string // such as capf csr list
}

func leaves(c *command, name string) (all []leaf) {
	if c.commands == nil {
		return []leaf{{c, name}}
	}
	for i := range c.commands {
		all = append(all, leaves(&c.commands[i], name+" "+c.commands[i].name)...)
	}
	return all
}

func (l leaf) usage() string {
	usage := l.name
	if len(l.allFlags()) > 0 {
		usage += " [flags]"
	}
	return strings.TrimRight(usage+" "+l.args, " ")
}

// privilegeText says what a command needs in capf shell.
func (l leaf) privilegeText() string {
	switch {
	case l.privilege == outsideShell:
		return "not to be had"
	case l.exempt != "":
		return fmt.Sprintf("privilege %d, for %s %d", l.privilege.level(), l.exempt, lookPrivilege.level())
	}
	return fmt.Sprintf("privilege %d", l.privilege.level())
}

const generated = "make docs writes this from the command tree; do not edit it by hand."

// reference is every command on one page, in Markdown.
func reference(root *command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Reference of commands\n\n<!-- %s -->\n\n", generated)
	all := leaves(root, root.name)
	for _, l := range all {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", l.name, strings.ReplaceAll(l.name, " ", "-"), l.short)
	}
	fmt.Fprintf(&b, "\n## Common to all\n\n```\n%s```\n", rootNotes)
	fmt.Fprint(&b, "\n## Parameters\n\n`capf set` and `capf show` know these.\n\n| parameter | values | default | a change is in force | meaning |\n|---|---|---|---|---|\n")
	for _, p := range settings.Parameters() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.Name, cell(p.Range), cell(p.Default), p.Effect, cell(p.Help))
	}
	for _, l := range all {
		l.markdown(&b)
	}
	return b.String()
}

func (l leaf) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", l.name, term.UpperFirst(l.short), l.usage())
	if l.about != "" {
		fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(l.about))
	}
	if flags := l.allFlags(); len(flags) > 0 {
		fmt.Fprint(b, "\n| flag | |\n|---|---|\n")
		for _, f := range flags {
			form, meaning := describeFlag(f)
			fmt.Fprintf(b, "| `%s` | %s |\n", form, cell(meaning))
		}
	}
	if len(l.aliases) > 0 {
		fmt.Fprintf(b, "\nAlso called %s.\n", strings.Join(l.aliases, ", "))
	}
	fmt.Fprintf(b, "\nIn `capf shell`: %s.\n", l.privilegeText())
	if l.example != "" {
		fmt.Fprintf(b, "\n    %s\n", l.example)
	}
}

// cell is a text in a table of Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`).Replace(s)
}

// manual begins a manual page.
func manual(name, short string) *strings.Builder {
	var b strings.Builder
	fmt.Fprintf(&b, ".\\\" %s\n.TH %s 1 \"\" capf \"User Commands\"\n.SH NAME\n%s \\- %s\n",
		generated, strings.ToUpper(roff(name)), roff(name), roff(short))
	return &b
}

func rootPage(root *command) string {
	b := manual(root.name, root.short)
	fmt.Fprint(b, ".SH SYNOPSIS\n.B capf\n.I COMMAND\n[flags] [arguments]\n.SH COMMANDS\n")
	for i := range root.commands {
		c := &root.commands[i]
		fmt.Fprintf(b, ".TP\n.BR capf\\-%s (1)\n%s\n", roff(c.name), roff(term.UpperFirst(c.short)+"."))
	}
	fmt.Fprintf(b, ".SH NOTES\n%s", verbatimBlock(rootNotes))
	return b.String()
}

func commandPage(root, c *command) string {
	b := manual("capf-"+c.name, c.short)
	all := leaves(c, root.name+" "+c.name)
	fmt.Fprint(b, ".SH SYNOPSIS\n")
	for i, l := range all {
		if i > 0 {
			fmt.Fprint(b, ".br\n")
		}
		fmt.Fprintf(b, ".B %s\n", roff(l.usage()))
	}
	fmt.Fprint(b, ".SH DESCRIPTION\n")
	for _, l := range all {
		if len(all) > 1 || l.name != root.name+" "+c.name {
			fmt.Fprintf(b, ".SS %s\n", roff(l.name))
		}
		fmt.Fprintf(b, "%s\n", roff(term.UpperFirst(l.short)+"."))
		for _, paragraph := range strings.Split(strings.TrimSpace(l.about), "\n\n") {
			if paragraph != "" {
				fmt.Fprintf(b, ".PP\n%s\n", roff(paragraph))
			}
		}
		flagList(b, l.allFlags())
		if len(l.aliases) > 0 {
			fmt.Fprintf(b, ".PP\nAlso called %s.\n", roff(strings.Join(l.aliases, ", ")))
		}
		fmt.Fprintf(b, ".PP\nIn capf shell: %s.\n", roff(l.privilegeText()))
		if l.example != "" {
			fmt.Fprintf(b, ".PP\nExample:\n%s", verbatimBlock(l.example))
		}
	}
	fmt.Fprint(b, ".SH SEE ALSO\n.BR capf (1)\n")
	return b.String()
}

func flagList(b *strings.Builder, flags []cli.Flag) {
	for _, f := range flags {
		form, meaning := describeFlag(f)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(form), roff(meaning))
	}
}

// verbatimBlock keeps the lines of a text.
func verbatimBlock(text string) string {
	return fmt.Sprintf(".nf\n.RS\n%s\n.RE\n.fi\n", roff(strings.TrimRight(text, "\n")))
}

// roff keeps a text from being taken for requests (groff_man(7)).
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
