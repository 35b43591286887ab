package cmdline

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
)

// manual begins a manual page.
func manual(name, short string) *strings.Builder {
	var b strings.Builder
	fmt.Fprintf(&b, ".\\\" %s\n.TH %s 1 \"\" capf \"User Commands\"\n.SH NAME\n%s \\- %s\n",
		generated, strings.ToUpper(roff(name)), roff(name), roff(short))
	return &b
}

func rootManual(root *Command) string {
	b := manual(root.Name, root.Short)
	fmt.Fprint(b, ".SH SYNOPSIS\n.B capf\n.I COMMAND\n[flags] [arguments]\n.SH COMMANDS\n")
	for i := range root.Commands {
		c := &root.Commands[i]
		if i == 0 || c.Subject != root.Commands[i-1].Subject {
			fmt.Fprintf(b, ".SS %s\n", roff(c.Subject))
		}
		fmt.Fprintf(b, ".TP\n.BR capf\\-%s (1)\n%s\n", roff(c.Name), roff(term.UpperFirst(c.Short)+"."))
	}
	fmt.Fprintf(b, ".SH NOTES\n%s", verbatimBlock(root.Notes))
	return b.String()
}

func commandManual(root, c *Command) string {
	b := manual("capf-"+c.Name, c.Short)
	all := Leaves(c, root.Name+" "+c.Name)
	fmt.Fprint(b, ".SH SYNOPSIS\n")
	for i, l := range all {
		if i > 0 {
			fmt.Fprint(b, ".br\n")
		}
		fmt.Fprintf(b, ".B %s\n", roff(usage(l.Name, l.Command)))
	}
	fmt.Fprint(b, ".SH DESCRIPTION\n")
	for _, l := range all {
		if len(all) > 1 || l.Name != root.Name+" "+c.Name {
			fmt.Fprintf(b, ".SS %s\n", roff(l.Name))
		}
		fmt.Fprintf(b, "%s\n", roff(term.UpperFirst(l.Short)+"."))
		for _, paragraph := range strings.Split(strings.TrimSpace(l.About), "\n\n") {
			switch {
			case keepsLines(paragraph):
				fmt.Fprintf(b, ".PP\n%s", verbatimBlock(paragraph))
			case paragraph != "":
				fmt.Fprintf(b, ".PP\n%s\n", roff(paragraph))
			}
		}
		flagList(b, l.AllFlags())
		if len(l.Aliases) > 0 {
			fmt.Fprintf(b, ".PP\nAlso called %s.\n", roff(strings.Join(l.Aliases, ", ")))
		}
		fmt.Fprintf(b, ".PP\nIn capf shell: %s.\n", roff(l.privilegeText()))
		if l.Example != "" {
			fmt.Fprintf(b, ".PP\nExample:\n%s", verbatimBlock(l.Example))
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

// roff escapes a text so that nothing in it is a request (groff_man(7)).
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
