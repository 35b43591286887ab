package cmdline

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"
)

// Candidate is a word that could come next, with what it means in a few words.
type Candidate struct{ Word, About string }

// words proposes words that begin like the last one. The source is the group of the
// command with the placeholder of the argument, such as device/NAME, or flag/ with the
// name of a flag. Args are the arguments before it.
type words interface {
	Words(ctx context.Context, source, last string, args []string) []Candidate
}

// Completer proposes words for a command line that is being typed.
type Completer struct {
	Root  *Command
	Known words       // proposes the names and numbers that exist
	Also  []Candidate // words besides the commands of the root
}

// Proposal is what a completer finds.
type Proposal struct {
	Words []Candidate
	Files bool // the name of a file could come next
}

// typed is a command line that is being typed, as far as it goes.
type typed struct {
	command *Command
	path    []string
	args    []string
	flag    cli.Flag // whose value comes next, or nil
	fenced  bool     // behind --, where nothing is a flag
}

// Complete proposes words for the last one of words, which may be empty. The
// name of the program is not among them. Mistakes in the words before it are not
// reported: the finished command line is refused for them.
func (k Completer) Complete(ctx context.Context, words []string) Proposal {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	t := k.read(withoutPrefix(words[:len(words)-1]))
	switch {
	case t == nil:
		return Proposal{}
	case t.flag != nil:
		return k.flagValues(ctx, t, last, "")
	case !t.fenced && strings.HasPrefix(last, "-") && strings.Contains(last, "="):
		name, value, _ := strings.Cut(last, "=")
		t.flag = findFlag(t.flags(), strings.TrimLeft(name, "-"))
		if t.flag == nil {
			return Proposal{}
		}
		return k.flagValues(ctx, t, value, name+"=")
	case !t.fenced && strings.HasPrefix(last, "-"):
		return Proposal{Words: flagNames(t.flags(), last)}
	case t.command.Commands != nil:
		return Proposal{Words: k.commands(t, last)}
	}
	return k.arguments(ctx, t, last)
}

// withoutPrefix strips "utils capf", "capf" and "capf utils capf", as capf shell takes
// them. A lone "utils" goes too, since nothing but capf can follow it.
func withoutPrefix(words []string) []string {
	for _, word := range []string{"capf", "utils", "capf"} {
		if len(words) > 0 && words[0] == word {
			words = words[1:]
		}
	}
	return words
}

// read follows the finished words. It returns nil if they lead nowhere.
func (k Completer) read(words []string) *typed {
	t := &typed{command: k.Root}
	for _, word := range words {
		switch {
		case t.flag != nil:
			t.flag = nil
		case t.fenced:
			t.args = append(t.args, word)
		case word == "--":
			t.fenced = true
		case len(word) > 1 && word[0] == '-':
			name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if f := findFlag(append(t.flags(), commonFlags()...), name); f != nil && takesValue(f) && !hasValue {
				t.flag = f
			}
		case t.command.Commands == nil:
			t.args = append(t.args, word)
		case word == "help":
		default:
			sub := t.command.find(word)
			if sub == nil {
				return nil
			}
			t.command, t.path = sub, append(t.path, sub.Name)
		}
	}
	return t
}

// flags are the flags that may come next.
func (t *typed) flags() []cli.Flag {
	if t.command.Commands != nil {
		return commonFlags()
	}
	return t.command.AllFlags()
}

// commands proposes the commands of a group. An alias is proposed to one who
// has begun to type it.
func (k Completer) commands(t *typed, last string) (words []Candidate) {
	for i := range t.command.Commands {
		c := &t.command.Commands[i]
		names := []string{c.Name}
		if last != "" {
			names = append(names, c.Aliases...)
		}
		for _, name := range names {
			if strings.HasPrefix(name, last) {
				words = append(words, Candidate{name, c.Short})
			}
		}
	}
	if len(t.path) == 0 {
		words = append(words, Matching(k.Also, last)...)
	}
	return words
}

func flagNames(flags []cli.Flag, last string) (words []Candidate) {
	for _, f := range append(flags, &cli.BoolFlag{Name: "help", Usage: "say more about the command"}) {
		word := "--" + f.Names()[0]
		if strings.HasPrefix(word, "--"+strings.TrimLeft(last, "-")) {
			_, meaning := describeFlag(f)
			words = append(words, Candidate{word, meaning})
		}
	}
	return words
}

// flagValues proposes values; prefix goes in front of each.
func (k Completer) flagValues(ctx context.Context, t *typed, last, prefix string) Proposal {
	p := Proposal{}
	form, _ := describeFlag(t.flag)
	_, placeholder, _ := strings.Cut(form, " ")
	words := PlainCandidates(usageValues(t.flag))
	if done := strings.LastIndex(last, ","); done >= 0 && takesSeveral(t.flag) {
		prefix, last = prefix+last[:done+1], last[done+1:]
	}
	switch {
	case IsFile(placeholder):
		p.Files = true
	case words == nil:
		words = k.Known.Words(ctx, "flag/"+t.flag.Names()[0], last, nil)
	}
	for _, c := range Matching(words, last) {
		p.Words = append(p.Words, Candidate{prefix + c.Word, c.About})
	}
	return p
}

// arguments proposes what may stand where the next argument does.
func (k Completer) arguments(ctx context.Context, t *typed, last string) Proposal {
	p := Proposal{}
	for _, word := range strings.Split(Placeholder(t.command.Args, len(t.args)), "|") {
		switch {
		case word == "":
		case IsFile(word):
			p.Files = true
		case word == strings.ToLower(word):
			p.Words = append(p.Words, Matching([]Candidate{{word, ""}}, last)...)
		default:
			source := word
			if len(t.path) > 0 {
				source = t.path[0] + "/" + word
			}
			p.Words = append(p.Words, k.Known.Words(ctx, source, last, t.args)...)
		}
	}
	return p
}

// Placeholder returns the word of a usage line for the argument with the number n,
// without brackets and dots, or "" if there is none.
func Placeholder(usage string, n int) string {
	words := strings.Fields(usage)
	if n >= len(words) {
		if len(words) == 0 || !strings.Contains(words[len(words)-1], "...") {
			return ""
		}
		n = len(words) - 1
	}
	return strings.ReplaceAll(strings.Trim(words[n], "[]"), "...", "")
}

// IsFile says whether a placeholder stands for a file or folder. capf shell and the
// completions rely on the names (TestPlaceholders).
func IsFile(placeholder string) bool {
	switch placeholder {
	case "DIR", "FILE", "CERT", "NEW": // a certificate; a list that is to be judged
		return true
	}
	return strings.HasPrefix(placeholder, "FILE.") || strings.HasPrefix(placeholder, "FILE|")
}

// usageValues reads the values of a flag from its usage, where they stand
// behind the placeholder and a colon.
func usageValues(f cli.Flag) []string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return nil
	}
	_, rest, _ := strings.Cut(d.GetUsage(), "`")
	_, rest, _ = strings.Cut(rest, "`")
	rest, ok = strings.CutPrefix(rest, ": ")
	if !ok {
		return nil
	}
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, " (")
	var values []string
	for _, word := range strings.Split(rest, ", ") {
		if !isSimpleWord(word) {
			return nil
		}
		values = append(values, word)
	}
	return values
}

// takesSeveral reports whether the value of a flag is several words with commas between
// them, as its usage says.
func takesSeveral(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && strings.Contains(d.GetUsage(), "commas between them")
}

// isSimpleWord tells a value from a word of the explanation.
func isSimpleWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789./_+-") == "" && s != "" && !strings.ContainsAny(s[:1], "./_+-")
}

func PlainCandidates(words []string) (list []Candidate) {
	for _, w := range words {
		list = append(list, Candidate{Word: w})
	}
	return list
}

// Matching returns the candidates that begin with the word, ignoring case.
func Matching(list []Candidate, word string) (found []Candidate) {
	for _, c := range list {
		if len(c.Word) >= len(word) && strings.EqualFold(c.Word[:len(word)], word) {
			found = append(found, c)
		}
	}
	return found
}

// TakesFile says whether the value of a flag of the command is a file.
func TakesFile(c *Command, flag string) bool {
	f := findFlag(c.AllFlags(), strings.TrimLeft(flag, "-"))
	return f != nil && IsFile(FlagPlaceholder(f))
}

func FlagPlaceholder(f cli.Flag) string {
	form, _ := describeFlag(f)
	_, word, _ := strings.Cut(form, " ")
	return word
}
