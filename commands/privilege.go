package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll"
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
// to the system around it; restore, which would bring parameters along that are
// not to be set in the shell; and job run-due, which runs another program.
var outsideOnly = []string{"shell", "completion", "serve", "restore", "job run-due"}

// fullFlags show a secret or ask another system, whatever the command needs
// otherwise.
var fullFlags = []string{"--reveal", "--strings-file", "--online"}

// confinement is what a session of capf shell may do.
type confinement struct {
	privilege int
	folder    string   // the only place for files
	reserved  []string // how the names of the database and the master key begin
}

// restrict is a command without what the session may not do, nil when nothing
// is left of it; path leads to it.
func (c confinement) restrict(from *command, path []string) *command {
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
func (c confinement) confine(l line, argv []string) (line, error) {
	if l.help {
		return parseLine(c.restrict(tree(), nil), argv)
	}
	return l, c.check(l)
}

// check refuses a line that would do more than the session may, or reach out of
// it.
func (c confinement) check(l line) error {
	name := strings.Join(l.path[1:], " ")
	if slices.Contains(outsideOnly, name) {
		return &kindError{enroll.ErrRefused, name + " is not to be had in this shell"}
	}
	needed := neededPrivilege(name)
	if name == "set" {
		if p, ok := enroll.FindParameter(first(l.args)); ok && p.Name == "keep_alive" {
			needed = lookPrivilege
		} else if ok && strings.HasSuffix(p.Name, "_command") {
			return &kindError{enroll.ErrRefused, p.Name + " names a program, so it is not to be set in this shell"}
		}
	}
	for _, f := range l.flags {
		name, value, _ := strings.Cut(f, "=")
		if slices.Contains(fullFlags, name) {
			needed = fullPrivilege
		}
		if name == "--apply-config" {
			return &kindError{enroll.ErrRefused, "--apply-config runs a program, so it is not to be had in this shell"}
		}
		if name == "--db" {
			return &kindError{enroll.ErrRefused, "--db is not to be had in this shell: its database is fixed"}
		}
		if takesFile(l.command, name) {
			if err := c.checkFile(value); err != nil {
				return err
			}
		}
	}
	if needed > c.privilege {
		return &kindError{enroll.ErrRefused, fmt.Sprintf("%s needs privilege %d, this session has %d", name, needed, c.privilege)}
	}
	for i, arg := range l.args {
		if isFile(placeholder(l.command.args, i)) {
			if err := c.checkFile(arg); err != nil {
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

// checkFile refuses a file outside the folder of the session, through links
// too. Who works in the shell cannot make links, so none comes up after the
// check.
func (c confinement) checkFile(name string) error {
	if name == "-" {
		return nil
	}
	refusal := &hinted{&kindError{enroll.ErrRefused, fmt.Sprintf("file %q is not to be had in this shell", name)}, "files stand in " + c.folder + ", by names such as root.pem"}
	// Behind a link, .. leads elsewhere than the name says; and hidden files
	// are those of other programs, which read them as their orders.
	hidden := func(part string) bool { return strings.HasPrefix(part, ".") && part != "." }
	if !filepath.IsLocal(name) || slices.ContainsFunc(strings.Split(name, "/"), hidden) {
		return refusal
	}
	// The file may be one that is still to be made.
	for path := filepath.Join(c.folder, name); ; path = filepath.Dir(path) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil && path != c.folder {
			if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
				return refusal // it leads nowhere yet
			}
			continue
		}
		within, rerr := filepath.Rel(c.folder, real)
		if err != nil || rerr != nil || !filepath.IsLocal(within) || c.isReserved(filepath.Join(c.folder, name)) || c.isReserved(real) {
			return refusal
		}
		return nil
	}
}

// isReserved tells the database, the files beside it and the master key, which
// no command of the shell reads or writes as a file.
func (c confinement) isReserved(path string) bool {
	return slices.ContainsFunc(c.reserved, func(r string) bool { return strings.HasPrefix(path, r) })
}
