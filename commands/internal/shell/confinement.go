package shell

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/settings"
)

// Confinement is what a session may do, and the files that it has.
type Confinement struct {
	Files *files.Folder
	has   cmdline.Needs
}

// Confine limits a session to what a privilege and a role may both do, and to a folder.
// Reserved are the files there that capf itself works with.
func Confine(has cmdline.Needs, root *os.Root, folder string, reserved []string) *Confinement {
	f := &files.Folder{Root: root, Name: folder, Reserved: reserved}
	switch {
	case has.Privilege != cmdline.Full:
		f.OnlyOwn = fmt.Sprintf("privilege %d", has.Privilege.Level())
	case has.Role < cmdline.Operator:
		f.OnlyOwn = fmt.Sprintf("the role %s", has.Role)
	}
	return &Confinement{f, has}
}

// Restrict returns a command without what the session may not do, nil when nothing
// is left of it.
func (c *Confinement) Restrict(from *cmdline.Command) *cmdline.Command {
	kept := *from
	if from.Commands == nil {
		needs := from.Needs()
		if from.Exempt != "" {
			needs.Privilege = cmdline.Look
		}
		if from.Privilege == cmdline.OutsideShell || !needs.Within(c.has) {
			return nil
		}
		kept.NoStore = true // the database is fixed
		c.restrictFlags(&kept)
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

// restrictFlags leaves out the flags that need more than the session has.
func (c *Confinement) restrictFlags(command *cmdline.Command) {
	beyond := func(name string) bool {
		needs, raises := command.Raises[name]
		return raises && !needs.Within(c.has)
	}
	command.Flags = slices.DeleteFunc(slices.Clone(command.Flags), func(f cli.Flag) bool { return beyond(f.Names()[0]) })
	if beyond("clear") {
		command.Clears = nil
	}
}

// MaySet says whether the session may set a parameter.
func (c *Confinement) MaySet(p settings.Parameter, exempt string) bool {
	return !NamesProgram(p) && needsToSet(p, exempt).Within(c.has)
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
	if err := c.checkCommand(name, l); err != nil {
		return err
	}
	for _, f := range l.Flags {
		if err := c.checkFlag(name, l.Command, f); err != nil {
			return err
		}
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

// checkCommand refuses a command that needs more than the session has. To set a
// parameter it depends on which one.
func (c *Confinement) checkCommand(name string, l cmdline.Line) error {
	if name != "set" || len(l.Args) == 0 {
		return c.allow(name, l.Command.Needs())
	}
	p, ok := settings.FindParameter(l.Args[0])
	switch {
	case !ok:
		return c.allow(name, l.Command.Needs())
	case NamesProgram(p):
		return files.Forbidden("%s names a program, so it cannot be set in this shell", p.Name)
	}
	return c.allow("set "+p.Name, needsToSet(p, l.Command.Exempt))
}

// allow refuses what needs more than the session has.
func (c *Confinement) allow(what string, needs cmdline.Needs) error {
	switch {
	case needs.Privilege.Level() > c.has.Privilege.Level():
		return files.Forbidden("%s needs privilege %d, this session has %d", what, needs.Privilege.Level(), c.has.Privilege.Level())
	case !needs.Within(c.has):
		return files.Forbidden("%s needs the role %s, this session has %s", what, needs.Role, c.has.Role)
	}
	return nil
}

// needsToSet is what a session needs to set a parameter.
func needsToSet(p settings.Parameter, exempt string) cmdline.Needs {
	needs := cmdline.Needs{Privilege: cmdline.Full, Role: cmdline.Admin}
	if p.Everyday {
		needs.Role = cmdline.Operator
	}
	if p.Name == exempt {
		needs.Privilege = cmdline.Look
	}
	return needs
}

// NamesProgram reports whether the value of a parameter is a program, which no session
// of the shell may name.
func NamesProgram(p settings.Parameter) bool { return strings.HasSuffix(p.Name, "_command") }

// checkFlag refuses a flag that needs more than the session has, or whose file is out
// of its reach.
func (c *Confinement) checkFlag(of string, command *cmdline.Command, flag string) error {
	flag, value, _ := strings.Cut(flag, "=")
	switch flag {
	case "--apply-config":
		return files.Forbidden("--apply-config runs a program, so it is not available in this shell")
	case "--db":
		return files.Forbidden("--db is not available in this shell: its database is fixed")
	}
	if needs, raises := command.Raises[strings.TrimPrefix(flag, "--")]; raises {
		if err := c.allow(of+" "+flag, needs); err != nil {
			return err
		}
	}
	if cmdline.TakesFile(command, flag) {
		return c.Files.Allows(value)
	}
	return nil
}
