package commands

import (
	"os"
	"slices"
	"strings"

	"capf/commands/internal/cmdline"
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
func (c *confinement) restrict(from *cmdline.Command) *cmdline.Command {
	kept := *from
	if from.Commands == nil {
		if from.Privilege == cmdline.OutsideShell || from.Exempt == "" && from.Privilege.Level() > c.privilege {
			return nil
		}
		kept.NoStore = true // the database is fixed
		return &kept
	}
	kept.Commands = nil
	for i := range from.Commands {
		sub := &from.Commands[i]
		if sub = c.restrict(sub); sub != nil {
			kept.Commands = append(kept.Commands, *sub)
		}
	}
	if kept.Commands == nil {
		return nil
	}
	return &kept
}

// confine checks a line. The help that is asked for tells only of what the
// session may do.
func (c *confinement) confine(root *cmdline.Command, l cmdline.Line, argv []string) (cmdline.Line, error) {
	if l.Help {
		return cmdline.Parse(c.restrict(root), argv)
	}
	return l, c.check(l)
}

// check refuses a line that would do more than the session may, or reach out of
// it.
func (c *confinement) check(l cmdline.Line) error {
	name := strings.Join(l.Path[1:], " ")
	if l.Command.Privilege == cmdline.OutsideShell {
		return forbidden("%s is not to be had in this shell", name)
	}
	needed := l.Command.Privilege.Level()
	if name == "set" {
		if p, ok := settings.FindParameter(first(l.Args)); ok && p.Name == l.Command.Exempt {
			needed = cmdline.Look.Level()
		} else if ok && strings.HasSuffix(p.Name, "_command") {
			return forbidden("%s names a program, so it is not to be set in this shell", p.Name)
		}
	}
	for _, f := range l.Flags {
		name, value, _ := strings.Cut(f, "=")
		if slices.Contains(fullFlags, name) {
			needed = cmdline.Full.Level()
		}
		if name == "--apply-config" {
			return forbidden("--apply-config runs a program, so it is not to be had in this shell")
		}
		if name == "--db" {
			return forbidden("--db is not to be had in this shell: its database is fixed")
		}
		if cmdline.TakesFile(l.Command, name) {
			if err := c.named(value); err != nil {
				return err
			}
		}
	}
	if needed > c.privilege {
		return forbidden("%s needs privilege %d, this session has %d", name, needed, c.privilege)
	}
	for i, arg := range l.Args {
		if cmdline.IsFile(cmdline.Placeholder(l.Command.Args, i)) {
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
