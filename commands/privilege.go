package commands

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/settings"
)

// fullFlags show a secret or ask another system, whatever the command needs
// otherwise.
var fullFlags = []string{"--reveal", "--strings-file", "--online"}

// confinement is what a session of capf shell may do.
type confinement struct {
	privilege int
	root      *os.Root // the only place for files
	folder    string   // what it is called
	reserved  []string // how the names of the database and the master key begin
}

// restrict is a command without what the session may not do, nil when nothing
// is left of it.
func (c *confinement) restrict(from *command) *command {
	kept := *from
	if from.commands == nil {
		if from.privilege == outsideShell || from.exempt == "" && from.privilege.level() > c.privilege {
			return nil
		}
		kept.noStore = true // the database is fixed
		return &kept
	}
	kept.commands = nil
	for i := range from.commands {
		sub := &from.commands[i]
		if sub = c.restrict(sub); sub != nil {
			kept.commands = append(kept.commands, *sub)
		}
	}
	if kept.commands == nil {
		return nil
	}
	return &kept
}

// confine checks a line. The help that is asked for tells only of what the
// session may do.
func (c *confinement) confine(root *command, l line, argv []string) (line, error) {
	if l.help {
		return parseLine(c.restrict(root), argv)
	}
	return l, c.check(l)
}

// check refuses a line that would do more than the session may, or reach out of
// it.
func (c *confinement) check(l line) error {
	name := strings.Join(l.path[1:], " ")
	if l.command.privilege == outsideShell {
		return forbidden("%s is not to be had in this shell", name)
	}
	needed := l.command.privilege.level()
	if name == "set" {
		if p, ok := settings.FindParameter(first(l.args)); ok && p.Name == l.command.exempt {
			needed = lookPrivilege.level()
		} else if ok && strings.HasSuffix(p.Name, "_command") {
			return forbidden("%s names a program, so it is not to be set in this shell", p.Name)
		}
	}
	for _, f := range l.flags {
		name, value, _ := strings.Cut(f, "=")
		if slices.Contains(fullFlags, name) {
			needed = fullPrivilege.level()
		}
		if name == "--apply-config" {
			return forbidden("--apply-config runs a program, so it is not to be had in this shell")
		}
		if name == "--db" {
			return forbidden("--db is not to be had in this shell: its database is fixed")
		}
		if takesFile(l.command, name) {
			if err := c.named(value); err != nil {
				return err
			}
		}
	}
	if needed > c.privilege {
		return forbidden("%s needs privilege %d, this session has %d", name, needed, c.privilege)
	}
	for i, arg := range l.args {
		if isFile(placeholder(l.command.args, i)) {
			if err := c.named(arg); err != nil {
				return err
			}
		}
	}
	return nil
}

func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

func takesFile(c *command, flag string) bool {
	f := findFlag(c.allFlags(), strings.TrimLeft(flag, "-"))
	return f != nil && isFile(flagPlaceholder(f))
}

func flagPlaceholder(f cli.Flag) string {
	form, _ := describeFlag(f)
	_, word, _ := strings.Cut(form, " ")
	return word
}
