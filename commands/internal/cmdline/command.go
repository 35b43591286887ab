package cmdline

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
)

// Command is one command, or a group of commands. From it come the parsing of
// a command line, the help, and everything else that has to know the tree.
type Command struct {
	Name    string
	Aliases []string
	// Args are the arguments as the usage line shows them. Those in brackets
	// may be left out; dots after the last one mean that it may be repeated.
	Args    string
	Subject string // the heading under which capf --help lists it
	Short   string // one line, without a full stop
	About   string // paragraphs of the manual page, which help wraps
	Example string // a command line that works
	Notes   string // of a group, printed below its commands as they are
	Output  Output
	Columns []term.Heading // of a list whose columns can be chosen
	Flags   []cli.Flag
	NoStore bool     // it opens no database, so --db would mislead
	Clears  []string // the settings that its flag --clear takes away
	// Privilege and Role are what a session of capf shell needs for it. With Exempt as
	// the first argument, the lowest privilege is enough.
	Privilege Privilege
	Role      Role
	Exempt    string
	Raises    map[string]Needs // the flags that need more than the command does
	Run       func(c *cli.Context) error

	Commands []Command // of a group
}

// Output says which forms of its result a command offers.
type Output int

const (
	Plain  Output = iota // text that is meant as it is: a PEM file, a log
	Object               // one thing: text or JSON
	List                 // rows: table, JSON or CSV
)

// many is the highest number of arguments of a command that sets no limit.
const many = int(^uint(0) >> 1)

// arity tells from the usage line how many arguments a command takes.
func (c *Command) arity() (least, most int) {
	for _, word := range strings.Fields(c.Args) {
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
func (c *Command) find(name string) *Command {
	for i := range c.Commands {
		if sub := &c.Commands[i]; sub.Name == name || slices.Contains(sub.Aliases, name) {
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
		&cli.BoolFlag{Name: "wide", Usage: "show every column of a table, and cut nothing"},
		&cli.StringFlag{Name: "columns", Usage: "`COLUMNS`: show only these, in this order, with commas between them"},
		&cli.BoolFlag{Name: "no-pager", Usage: "use no pager, however long the output is"},
	}
}

// AllFlags are the command's own flags and the common ones that it takes.
func (c *Command) AllFlags() []cli.Flag {
	flags := slices.Clone(c.Flags)
	if c.Clears != nil {
		flags = append(flags, clearFlag(c.Clears))
	}
	for _, f := range commonFlags() {
		name := f.Names()[0]
		takes := name == "db" && !c.NoStore ||
			name == "json" && c.Output != Plain ||
			(name == "csv" || name == "no-header") && c.Output == List ||
			name == "wide" && c.Columns != nil ||
			name == "no-pager" && c.Pages()
		switch {
		case name == "columns" && c.Columns != nil:
			flags = append(flags, c.columnsFlag())
		case takes:
			flags = append(flags, f)
		}
	}
	return flags
}

// Pages says whether the command only shows something, which may be longer than a screen.
func (c *Command) Pages() bool { return c.Role == Reader && c.Output != Plain }

// columnsFlag names the columns of a list, by their names in JSON and CSV.
func (c *Command) columnsFlag() cli.Flag {
	var keys []string
	for _, h := range c.Columns {
		keys = append(keys, h.Key)
	}
	return &cli.StringFlag{Name: "columns", Usage: "`COLUMNS`: " + strings.Join(keys, ", ") + "; only those named, in that order, with commas between them"}
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
