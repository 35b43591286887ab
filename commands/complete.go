package commands

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"
)

// candidate is a word that could come next, with what it means in a few words.
type candidate struct{ word, about string }

// completer proposes words for a command line that is being typed.
type completer struct {
	root  *command
	facts facts       // for names and numbers of what there is
	also  []candidate // words besides the commands of the root
}

// proposal is what a completer finds.
type proposal struct {
	words []candidate
	files bool // the name of a file could come next
}

// typed is a command line that is being typed, as far as it goes.
type typed struct {
	command *command
	path    []string
	args    []string
	flag    cli.Flag // whose value comes next, or nil
	fenced  bool     // behind --, where nothing is a flag
}

// complete proposes words for the last one of words, which may be empty. The
// name of the program is not among them. What is wrong before it is not told:
// that is for the command line when it is finished.
func (k completer) complete(ctx context.Context, words []string) proposal {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	t := k.read(withoutPrefix(words[:len(words)-1]))
	switch {
	case t == nil:
		return proposal{}
	case t.flag != nil:
		return k.flagValues(ctx, t, last, "")
	case !t.fenced && strings.HasPrefix(last, "-") && strings.Contains(last, "="):
		name, value, _ := strings.Cut(last, "=")
		t.flag = findFlag(t.flags(), strings.TrimLeft(name, "-"))
		if t.flag == nil {
			return proposal{}
		}
		return k.flagValues(ctx, t, value, name+"=")
	case !t.fenced && strings.HasPrefix(last, "-"):
		return proposal{words: flagNames(t.flags(), last)}
	case t.command.commands != nil:
		return proposal{words: k.commands(t, last)}
	}
	return k.arguments(ctx, t, last)
}

// withoutPrefix strips "utils capf" and "capf", also when they are not
// finished, in which case nothing else could be meant.
func withoutPrefix(words []string) []string {
	if len(words) > 0 && words[0] == "utils" {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "capf" {
		words = words[1:]
	}
	return words
}

// read follows the finished words, nil when they lead nowhere.
func (k completer) read(words []string) *typed {
	t := &typed{command: k.root}
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
		case t.command.commands == nil:
			t.args = append(t.args, word)
		case word == "help":
		default:
			sub := t.command.find(word)
			if sub == nil {
				return nil
			}
			t.command, t.path = sub, append(t.path, sub.name)
		}
	}
	return t
}

// flags are those that may stand here.
func (t *typed) flags() []cli.Flag {
	if t.command.commands != nil {
		return commonFlags()
	}
	return t.command.allFlags()
}

// commands proposes the commands of a group. An alias is proposed to one who
// has begun to type it.
func (k completer) commands(t *typed, last string) (words []candidate) {
	for i := range t.command.commands {
		c := &t.command.commands[i]
		names := []string{c.name}
		if last != "" {
			names = append(names, c.aliases...)
		}
		for _, name := range names {
			if strings.HasPrefix(name, last) {
				words = append(words, candidate{name, c.short})
			}
		}
	}
	if len(t.path) == 0 {
		words = append(words, matching(k.also, last)...)
	}
	return words
}

func flagNames(flags []cli.Flag, last string) (words []candidate) {
	for _, f := range append(flags, &cli.BoolFlag{Name: "help", Usage: "say more about the command"}) {
		word := "--" + f.Names()[0]
		if strings.HasPrefix(word, "--"+strings.TrimLeft(last, "-")) {
			_, meaning := describeFlag(f)
			words = append(words, candidate{word, meaning})
		}
	}
	return words
}

// flagValues proposes values; prefix goes in front of each.
func (k completer) flagValues(ctx context.Context, t *typed, last, prefix string) proposal {
	p := proposal{}
	form, _ := describeFlag(t.flag)
	_, placeholder, _ := strings.Cut(form, " ")
	words := plainCandidates(usageValues(t.flag))
	switch {
	case isFile(placeholder):
		p.files = true
	case words == nil:
		words = k.facts.of(ctx, "flag/"+t.flag.Names()[0], last, nil)
	}
	for _, c := range matching(words, last) {
		p.words = append(p.words, candidate{prefix + c.word, c.about})
	}
	return p
}

// arguments proposes what may stand where the next argument does.
func (k completer) arguments(ctx context.Context, t *typed, last string) proposal {
	p := proposal{}
	for _, word := range strings.Split(placeholder(t.command.args, len(t.args)), "|") {
		switch {
		case word == "":
		case isFile(word):
			p.files = true
		case word == strings.ToLower(word):
			p.words = append(p.words, matching([]candidate{{word, ""}}, last)...)
		default:
			source := word
			if len(t.path) > 0 {
				source = t.path[0] + "/" + word
			}
			p.words = append(p.words, k.facts.of(ctx, source, last, t.args)...)
		}
	}
	return p
}

// placeholder is the word of a usage line at which the argument with the
// number stands, without brackets and dots; "" when there is none.
func placeholder(usage string, n int) string {
	words := strings.Fields(usage)
	if n >= len(words) {
		if len(words) == 0 || !strings.Contains(words[len(words)-1], "...") {
			return ""
		}
		n = len(words) - 1
	}
	return strings.ReplaceAll(strings.Trim(words[n], "[]"), "...", "")
}

// isFile tells the placeholders of files and folders, which are called so
// everywhere (TestPlaceholders): the shell and the completions depend on it.
func isFile(placeholder string) bool {
	return placeholder == "DIR" || placeholder == "FILE" || strings.HasPrefix(placeholder, "FILE.") || strings.HasPrefix(placeholder, "FILE|")
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

// isSimpleWord tells a value from a word of the explanation.
func isSimpleWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789./_-") == "" && s != "" && !strings.ContainsAny(s[:1], "./_-")
}

func plainCandidates(words []string) (list []candidate) {
	for _, w := range words {
		list = append(list, candidate{word: w})
	}
	return list
}

// matching are the candidates that begin like the word, whatever the case.
func matching(list []candidate, word string) (found []candidate) {
	for _, c := range list {
		if len(c.word) >= len(word) && strings.EqualFold(c.word[:len(word)], word) {
			found = append(found, c)
		}
	}
	return found
}
