package shell

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/settings"
)

// fullFlags show a secret or ask another system, so that they need every privilege,
// whatever their command needs.
var fullFlags = []string{"--reveal", "--strings-file", "--online"}

// Confinement is what a session may do, and the files that it has.
type Confinement struct {
	Files     *files.Folder
	privilege int
}

// Confine limits a session to a privilege, by the vendor's level, and to a folder.
// Reserved are the files there that capf itself works with.
func Confine(privilege int, root *os.Root, folder string, reserved []string) *Confinement {
	f := &files.Folder{Root: root, Name: folder, Reserved: reserved}
	if privilege < cmdline.Full.Level() {
		f.OnlyOwn = fmt.Sprintf("privilege %d", privilege)
	}
	return &Confinement{f, privilege}
}

// Restrict returns a command without what the session may not do, nil when nothing
// is left of it.
func (c *Confinement) Restrict(from *cmdline.Command) *cmdline.Command {
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
		if sub = c.Restrict(sub); sub != nil {
			kept.Commands = append(kept.Commands, *sub)
		}
	}
	if kept.Commands == nil {
		return nil
	}
	return &kept
}

// Check refuses a line that would do more than the session may, or reach out of its
// folder. A line that asks for help is read again, with the commands that the session
// has.
func (c *Confinement) Check(root *cmdline.Command, l cmdline.Line, argv []string) (cmdline.Line, error) {
	if l.Help {
		return cmdline.Parse(c.Restrict(root), argv)
	}
	return l, c.check(l)
}

func (c *Confinement) check(l cmdline.Line) error {
	name := strings.Join(l.Path[1:], " ")
	if l.Command.Privilege == cmdline.OutsideShell {
		return files.Forbidden("%s is not available in this shell", name)
	}
	needed, err := neededFor(name, l)
	if err != nil {
		return err
	}
	for _, f := range l.Flags {
		if needed, err = c.checkFlag(l.Command, f, needed); err != nil {
			return err
		}
	}
	if needed > c.privilege {
		return files.Forbidden("%s needs privilege %d, this session has %d", name, needed, c.privilege)
	}
	for i, arg := range l.Args {
		if cmdline.IsFile(cmdline.Placeholder(l.Command.Args, i)) {
			if err := c.Files.Allows(arg); err != nil {
				return err
			}
		}
	}
	return nil
}

// neededFor is the privilege that a command needs. To set a parameter it depends on
// which one.
func neededFor(name string, l cmdline.Line) (int, error) {
	if name != "set" || len(l.Args) == 0 {
		return l.Command.Privilege.Level(), nil
	}
	p, ok := settings.FindParameter(l.Args[0])
	switch {
	case ok && p.Name == l.Command.Exempt:
		return cmdline.Look.Level(), nil
	case ok && strings.HasSuffix(p.Name, "_command"):
		return 0, files.Forbidden("%s names a program, so it cannot be set in this shell", p.Name)
	}
	return l.Command.Privilege.Level(), nil
}

// checkFlag refuses a flag, or returns the privilege that is needed with it.
func (c *Confinement) checkFlag(command *cmdline.Command, flag string, needed int) (int, error) {
	name, value, _ := strings.Cut(flag, "=")
	switch {
	case slices.Contains(fullFlags, name):
		needed = cmdline.Full.Level()
	case name == "--apply-config":
		return 0, files.Forbidden("--apply-config runs a program, so it is not available in this shell")
	case name == "--db":
		return 0, files.Forbidden("--db is not available in this shell: its database is fixed")
	}
	if cmdline.TakesFile(command, name) {
		return needed, c.Files.Allows(value)
	}
	return needed, nil
}
