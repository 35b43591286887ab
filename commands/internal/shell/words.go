package shell

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"capf/commands/internal/term"
	"capf/internal/apperr"
)

// word is one word of a line.
type word struct {
	text   string
	at     int  // where it begins on the line, in bytes
	quoted bool // whether some of it was quoted
}

// foreignWords mean something to a system shell, but nothing here. Refusing them is
// better than taking them for arguments.
var foreignWords = []string{"|", "||", "&", "&&", ";", "<", ">", ">>", "<<", "2>", "2>&1", "&>"}

// splitLine takes a line apart into words. Quotes of both kinds and the backslash
// keep blanks together, and do nothing else: there are no variables, no patterns and
// no other programs. Open says that a quote is not closed; the words are then those
// so far.
func splitLine(line string) (words []word, open bool) {
	var b strings.Builder
	var quote rune
	at, begun, quoted, escaped := 0, false, false, false
	end := func() {
		if begun {
			words = append(words, word{b.String(), at, quoted})
		}
		b.Reset()
		begun, quoted = false, false
	}
	for i, r := range line {
		if !begun {
			at = i
		}
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun, quoted = true, true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				b.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, begun, quoted = r, true, true
		case r == ' ' || r == '\t':
			end()
		default:
			b.WriteRune(r)
			begun = true
		}
	}
	end()
	return words, quote != 0 || escaped
}

// lineWords are the words of a finished line.
func lineWords(line string) ([]word, error) {
	if !utf8.ValidString(line) {
		return nil, term.ErrNotUTF8
	}
	words, open := splitLine(line)
	if open {
		return nil, apperr.Usage("a quote is not closed")
	}
	for _, w := range words {
		if w.is(foreignWords...) {
			return nil, apperr.WithHint(apperr.Usage("there is no %s here: this shell runs no other program", strconv.Quote(w.text)),
				"between quotes it is an argument")
		}
	}
	return words, nil
}

// is says whether the word is one of these, which mean something to the shell. A
// quoted word never does.
func (w word) is(names ...string) bool { return !w.quoted && slices.Contains(names, w.text) }

func plainWords(words []word) (all []string) {
	for _, w := range words {
		all = append(all, w.text)
	}
	return all
}

// quoteWord quotes a word so that splitLine reads it as one.
func quoteWord(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t'\"\\|&;<>?") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
