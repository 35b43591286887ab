package cmdline

// This file reads by hand what urfave/cli cannot be set up to read: flags after
// arguments and before the command's name, the vendor's "utils capf" in front, and
// mistakes, so that a refusal says which word is wrong and what was probably meant.
// Package flag, on which urfave/cli is built, silently takes a flag after an argument
// for an argument. The values of flags and the page of help are left to urfave/cli:
// see run.go and help.go.

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/internal/apperr"
)

// Line is a command line, taken apart.
type Line struct {
	Command *Command
	Path    []string // the words that lead to the command, such as capf device add
	Flags   []string // each as --name or --name=value, so that none can be taken for an argument
	Args    []string
	Help    bool
}

// Parse finds the command of a command line and tells its flags from its
// arguments, wherever they stand. A line that cannot be carried out is an
// [apperr.ErrUsage].
func Parse(root *Command, argv []string) (Line, error) {
	l := Line{Command: root, Path: []string{root.Name}}
	words, err := withoutMirror(argv)
	if err != nil {
		return l, err
	}
	var names []string // of the flags
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			l.Args = append(l.Args, words[i+1:]...)
			i = len(words)
		case word == "-h" || word == "-help" || word == "--help":
			l.Help = true
		case len(word) > 1 && word[0] == '-':
			name, text, taken, err := l.flag(word, words[i+1:])
			if err != nil {
				return l, err
			}
			i += taken
			names, l.Flags = append(names, name), append(l.Flags, text)
		case l.Command.Commands == nil:
			l.Args = append(l.Args, word)
		case word == "help" && l.Command.find("help") == nil:
			l.Help = true
		default:
			if err := l.descend(word); err != nil {
				return l, err
			}
		}
	}
	if l.Help {
		return l, nil
	}
	return l, l.check(names)
}

// withoutMirror strips what the vendor's command line has before the command:
// "utils capf X" is X, whether utils is an argument or the name of the binary.
func withoutMirror(argv []string) ([]string, error) {
	words := argv[1:]
	if strings.TrimSuffix(filepath.Base(argv[0]), ".exe") != "utils" {
		if len(words) == 0 || words[0] != "utils" {
			return words, nil
		}
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "capf" {
		return words[1:], nil
	}
	if len(words) > 0 && (words[0] == "--help" || words[0] == "-h") {
		return words, nil
	}
	return nil, apperr.WithHint(apperr.Usage("of utils, only utils capf is known"), "utils capf --help lists the commands")
}

// Name is the command as an operator writes it.
func (l *Line) Name() string { return strings.Join(l.Path, " ") }

// doing begins an error about the line, without the word capf.
func (l *Line) doing() string {
	if len(l.Path) == 1 {
		return ""
	}
	return strings.Join(l.Path[1:], " ") + ": "
}

// descend follows a word from a group to one of its commands.
func (l *Line) descend(word string) error {
	sub := l.Command.find(word)
	if sub == nil {
		var names []string
		for _, c := range l.Command.Commands {
			names = append(append(names, c.Name), c.Aliases...)
		}
		return apperr.WithHint(apperr.Usage("%sthere is no command %s", l.doing(), strconv.Quote(word)),
			"%s", DidYouMean(word, names, l.Name()+" --help lists the commands"))
	}
	l.Command, l.Path = sub, append(l.Path, sub.Name)
	return nil
}

// flag reads one flag. It returns its name, the flag as --name or --name=value, and how
// many of the words after it were its value.
func (l *Line) flag(word string, rest []string) (name, text string, taken int, err error) {
	name, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
	known := commonFlags()
	if l.Command.Commands == nil {
		known = append(l.Command.AllFlags(), known...)
	}
	f := findFlag(known, name)
	if f == nil {
		return "", "", 0, l.unknownFlag(strings.TrimSuffix(word, "="+value))
	}
	name = f.Names()[0]
	switch {
	case hasValue && !takesValue(f) && value != "true" && value != "false":
		return "", "", 0, apperr.Usage("%sflag --%s takes no value but true or false, not %q", l.doing(), name, value)
	case hasValue && !takesValue(f):
		return name, "--" + name + "=" + value, 0, nil
	case !takesValue(f):
		return name, "--" + name, 0, nil
	case !hasValue && (len(rest) == 0 || strings.HasPrefix(rest[0], "--")):
		return "", "", 0, apperr.Usage("%sflag --%s needs a value", l.doing(), name)
	case !hasValue:
		value, taken = rest[0], 1
	}
	if strings.TrimSpace(value) == "" {
		return "", "", 0, l.emptyValue(name)
	}
	return name, "--" + name + "=" + value, taken, nil
}

// emptyValue refuses an empty or blank value of a flag. Most come from a script whose
// variable is not set, and must not clear a setting.
func (l *Line) emptyValue(name string) error {
	err := apperr.Usage("%sthe value of --%s is empty", l.doing(), name)
	if slices.Contains(l.Command.Clears, name) {
		return apperr.WithHint(err, "--clear %s takes it away", name)
	}
	return err
}

// unknownFlag refuses a flag, which is shown as it was typed.
func (l *Line) unknownFlag(typed string) error {
	if l.Command.Commands != nil {
		return apperr.WithHint(apperr.Usage("%sflag %s is not known here", l.doing(), typed),
			"flags of a command stand after its name; %s --help lists the commands", l.Name())
	}
	var names []string
	for _, f := range l.Command.AllFlags() {
		names = append(names, "--"+f.Names()[0])
	}
	return apperr.WithHint(apperr.Usage("%sthere is no flag %s", l.doing(), typed),
		"%s", DidYouMean(typed, names, l.Name()+" --help lists the flags"))
}

// check refuses a line without a command, with a common flag that the command
// does not take, or with too few, too many or empty arguments.
func (l *Line) check(flags []string) error {
	if l.Command.Commands != nil {
		return apperr.WithHint(apperr.Usage("%sa command is missing", l.doing()), "%s --help lists the commands", l.Name())
	}
	takes := l.Command.AllFlags()
	if err := l.checkTwice(flags, takes); err != nil {
		return err
	}
	if i := slices.IndexFunc(flags, func(n string) bool { return findFlag(takes, n) == nil }); i >= 0 {
		return apperr.Usage("%sthere is no --%s here", l.doing(), flags[i])
	}
	least, most := l.Command.arity()
	usage := "usage: " + l.Name() + " " + l.Command.Args
	switch n := len(l.Args); {
	case n < least:
		return apperr.WithHint(apperr.Usage("%s%s is missing", l.doing(), strings.Trim(strings.Fields(l.Command.Args)[n], "[].")), "%s", usage)
	case n > most && most == 0:
		return apperr.WithHint(apperr.Usage("%s%s is too much, it takes no argument", l.doing(), strconv.Quote(l.Args[0])), "%s", usage)
	case n > most:
		return apperr.WithHint(apperr.Usage("%s%s is one argument too many", l.doing(), strconv.Quote(l.Args[most])), "%s", usage)
	}
	return l.checkEmpty()
}

// checkTwice refuses a flag that is given twice with different values, since one of
// them would be ignored.
func (l *Line) checkTwice(names []string, takes []cli.Flag) error {
	given := map[string]string{}
	for i, name := range names {
		before, twice := given[name]
		given[name] = l.Flags[i]
		if _, several := findFlag(takes, name).(*cli.StringSliceFlag); twice && before != l.Flags[i] && !several {
			return apperr.Usage("%s%s and %s exclude each other", l.doing(), before, l.Flags[i])
		}
	}
	return nil
}

// checkEmpty refuses empty arguments. Most come from a script whose variable is not
// set; as a pattern, one would match everything.
func (l *Line) checkEmpty() error {
	names := strings.Fields(l.Command.Args)
	for i, arg := range l.Args {
		if arg == "" {
			name, _, _ := strings.Cut(strings.Trim(names[min(i, len(names)-1)], "[]"), "...")
			return apperr.Usage("%s%s is empty", l.doing(), name)
		}
	}
	return nil
}
