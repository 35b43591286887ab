package commands

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/settings"
)

// The vendor's levels of privilege: 0 may look, set keep_alive and clear away
// stale LSCs; 1 may also carry requests to an offline CA and bring back what it
// signed; 4 may do everything.
const (
	lookPrivilege    = 0
	offlinePrivilege = 1
	fullPrivilege    = 4
)

// privileges are the commands that need less than the full one.
var privileges = map[string]int{
	"status": lookPrivilege, "show": lookPrivilege, "version": lookPrivilege,
	"csr list": lookPrivilege, "csr count": lookPrivilege, "csr show": lookPrivilege,
	"stale-lsc list": lookPrivilege, "stale-lsc delete": lookPrivilege,
	"lsc list": lookPrivilege, "lsc show": lookPrivilege, "lsc export": lookPrivilege,
	"cert list": lookPrivilege, "cert show": lookPrivilege, "cert export": lookPrivilege, "cert check": lookPrivilege,
	"device list": lookPrivilege, "device show": lookPrivilege, "device history": lookPrivilege,
	"bulk select": lookPrivilege, "bulk template-csv": lookPrivilege,
	"template list": lookPrivilege, "template show": lookPrivilege,
	"feature-group list": lookPrivilege,
	"ldap list":          lookPrivilege, "ldap show": lookPrivilege,
	"job list": lookPrivilege, "job show": lookPrivilege,
	"service list": lookPrivilege, "audit list": lookPrivilege,
	"report stale-lsc": lookPrivilege, "report expiry": lookPrivilege, "report operations": lookPrivilege,
	"csr dump": offlinePrivilege, "offline export": offlinePrivilege, "offline import": offlinePrivilege, "cert import": offlinePrivilege,
}

// outsideOnly are the commands that the shell does not have: those that belong
// to the system around it, among them the one that exchanges the master key's
// file; restore, which would bring parameters along that are not to be set in the
// shell; and job run-due, which runs another program.
var outsideOnly = []string{"shell", "completion", "serve", "restore", "master-key rotate", "job run-due"}

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
// is left of it; path leads to it.
func (c *confinement) restrict(from *command, path []string) *command {
	kept := *from
	if from.commands == nil {
		name := strings.Join(path, " ")
		// set is there for everybody, for the sake of keep_alive.
		if slices.Contains(outsideOnly, name) || name != "set" && neededPrivilege(name) > c.privilege {
			return nil
		}
		kept.noStore = true // the database is fixed
		return &kept
	}
	kept.commands = nil
	for i := range from.commands {
		sub := &from.commands[i]
		if sub = c.restrict(sub, append(path[:len(path):len(path)], sub.name)); sub != nil {
			kept.commands = append(kept.commands, *sub)
		}
	}
	if kept.commands == nil {
		return nil
	}
	return &kept
}

func neededPrivilege(name string) int {
	if p, ok := privileges[name]; ok {
		return p
	}
	return fullPrivilege
}

// confine checks a line. The help that is asked for tells only of what the
// session may do.
func (c *confinement) confine(l line, argv []string) (line, error) {
	if l.help {
		return parseLine(c.restrict(tree(), nil), argv)
	}
	return l, c.check(l)
}

// check refuses a line that would do more than the session may, or reach out of
// it.
func (c *confinement) check(l line) error {
	name := strings.Join(l.path[1:], " ")
	if slices.Contains(outsideOnly, name) {
		return forbidden("%s is not to be had in this shell", name)
	}
	needed := neededPrivilege(name)
	if name == "set" {
		if p, ok := settings.FindParameter(first(l.args)); ok && p.Name == "keep_alive" {
			needed = lookPrivilege
		} else if ok && strings.HasSuffix(p.Name, "_command") {
			return forbidden("%s names a program, so it is not to be set in this shell", p.Name)
		}
	}
	for _, f := range l.flags {
		name, value, _ := strings.Cut(f, "=")
		if slices.Contains(fullFlags, name) {
			needed = fullPrivilege
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
