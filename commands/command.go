package commands

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// command is one command, or a group of commands. From it come the parsing of
// a command line, the help, and everything else that has to know the tree.
type command struct {
	name    string
	aliases []string
	// args are the arguments as the usage line shows them. Those in brackets
	// may be left out; dots after the last one mean that it may be repeated.
	args    string
	short   string // one line, without a full stop
	about   string // paragraphs of the manual page, which help wraps
	example string // a command line that works
	output  output
	flags   []cli.Flag
	noStore bool     // it opens no database, so --db would mislead
	clears  []string // the settings that its flag --clear takes away
	// privilege is what a session of capf shell needs for it, but for the first
	// argument exempt, for which the lowest is enough.
	privilege privilege
	exempt    string
	run       func(c *cli.Context) error

	commands []command // of a group
}

// output says which forms of its result a command offers.
type output int

const (
	plain  output = iota // text that is meant as it is: a PEM file, a log
	object               // one thing: text or JSON
	list                 // rows: table, JSON or CSV
)

// privilege is what a session of capf shell needs for a command. The vendor's
// levels are 0, which may look, set keep_alive and clear away stale LSCs; 1, which
// may also carry requests to an offline CA and bring back what it signed; and 4,
// which may do everything.
type privilege int

const (
	fullPrivilege privilege = iota // a command that says nothing gets the strictest
	offlinePrivilege
	lookPrivilege
	outsideShell // the command belongs to the system around the shell, which does not have it
)

// level is the number by which the vendor calls the privilege.
func (p privilege) level() int {
	switch p {
	case lookPrivilege:
		return 0
	case offlinePrivilege:
		return 1
	}
	return 4
}

// many is the highest number of arguments of a command that sets no limit.
const many = int(^uint(0) >> 1)

// arity tells from the usage line how many arguments a command takes.
func (c *command) arity() (least, most int) {
	for _, word := range strings.Fields(c.args) {
		most++
		if !strings.HasPrefix(word, "[") {
			least++
		}
		if strings.Contains(word, "...") {
			return least, many
		}
	}
	return least, most
}

// find returns the command of a group that has the name, or nil.
func (c *command) find(name string) *command {
	for i := range c.commands {
		if sub := &c.commands[i]; sub.name == name || slices.Contains(sub.aliases, name) {
			return sub
		}
	}
	return nil
}

// commonFlags are accepted anywhere on a command line, before the command's
// name too; a command that has no use for one refuses it.
func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "db", Usage: "use the database `FILE`"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document"},
		&cli.BoolFlag{Name: "csv", Usage: "print comma-separated values"},
		&cli.BoolFlag{Name: "no-header", Usage: "leave out the line of headings"},
	}
}

// allFlags are the command's own flags and the common ones that it takes.
func (c *command) allFlags() []cli.Flag {
	flags := slices.Clone(c.flags)
	if c.clears != nil {
		flags = append(flags, clearFlag(c.clears))
	}
	for _, f := range commonFlags() {
		name := f.Names()[0]
		takes := name == "db" && !c.noStore ||
			name == "json" && c.output != plain ||
			(name == "csv" || name == "no-header") && c.output == list
		if takes {
			flags = append(flags, f)
		}
	}
	return flags
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
