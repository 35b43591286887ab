// Package csvcell writes any text as a cell of CSV that is safe to open in a
// spreadsheet and to show on a terminal, and reads it back. Texts come from phones,
// directories and other systems, so a cell must neither run as a formula nor hide
// anything. The package must not know columns or files.
package csvcell

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Formulas begin with one of these; a Japanese or Chinese spreadsheet accepts the
// wide ones too.
const formulas = "=+-@\t\r\n＝＋－＠"

// cellEnds are what programs may take for the end of a cell, whatever separates the
// cells of this file. It depends on the locale of the spreadsheet.
const cellEnds = ",;|\t\r\n"

// Guard returns a text as a cell of CSV. A character that acts on a terminal or a
// reader without being visible is written as an escape. An apostrophe keeps a
// spreadsheet from running a formula at the beginning of the text, or after what
// another spreadsheet takes for the end of a cell. A text that already looks guarded
// is guarded once more, so that Text always returns the original.
func Guard(text string) string {
	if isPlain(text) {
		return text
	}
	text = escaped(text)
	var b strings.Builder
	start := true
	for i, r := range text {
		if start && runs(text[i:]) {
			b.WriteByte('\'')
		}
		b.WriteString(text[i : i+utf8.RuneLen(r)])
		start = strings.ContainsRune(cellEnds, r)
	}
	return b.String()
}

// isPlain recognises most texts quickly: lists of 100,000 rows come through here.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c != ' ' && c != '.' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// Text returns the text of a cell that Guard, a spreadsheet or a person has written.
func Text(cell string) string {
	if isPlain(cell) {
		return cell
	}
	var b strings.Builder
	start := true
	for i := 0; i < len(cell); i++ {
		if start && cell[i] == '\'' && runs(cell[i+1:]) {
			start = false // the apostrophe after this one belongs to the text
			continue
		}
		b.WriteByte(cell[i])
		start = strings.IndexByte(cellEnds, cell[i]) >= 0
	}
	return unescaped(b.String())
}

// runs says whether the text would be a formula without the blanks, apostrophes and
// quotes before it. A program that expects another separator does not see where the
// quoted cell begins, and takes the quote inside for the beginning.
func runs(text string) bool {
	text = strings.TrimLeftFunc(text, func(r rune) bool {
		return r == '\'' || r == '"' || unicode.IsSpace(r) && !strings.ContainsRune(formulas, r)
	})
	return strings.IndexAny(text, formulas) == 0
}

// isHidden recognises the characters that are invisible, or that change how others
// are displayed: controls, and those for the direction of text.
func isHidden(r rune) bool { return !unicode.IsGraphic(r) }

// escaped writes hidden characters as \x1b, \u202e or \U000e0001. Backslashes
// before such a character, or before text that looks like an escape, are doubled, so
// that others, as in Windows file names, stay as they are.
func escaped(text string) string {
	var b strings.Builder
	for text != "" {
		rest := strings.TrimLeft(text, `\`)
		backslashes := text[:len(text)-len(rest)]
		r, size := utf8.DecodeRuneInString(rest)
		broken := r == utf8.RuneError && size == 1 // a byte that is not part of a character
		_, alike := escape(rest)
		b.WriteString(backslashes)
		if alike > 0 || broken || isHidden(r) {
			b.WriteString(backslashes)
		}
		switch {
		case broken:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case !isHidden(r):
			b.WriteString(rest[:size])
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		text = rest[size:]
	}
	return b.String()
}

// unescaped undoes escaped.
func unescaped(text string) string {
	var b strings.Builder
	for text != "" {
		rest := strings.TrimLeft(text, `\`)
		backslashes := text[:len(text)-len(rest)]
		r, size := escape(rest)
		switch {
		case size == 0 || backslashes == "":
			_, size = utf8.DecodeRuneInString(rest)
			b.WriteString(backslashes + rest[:size])
			rest = rest[size:]
		case len(backslashes)%2 == 1:
			b.WriteString(backslashes[:len(backslashes)/2])
			b.WriteRune(r)
			rest = rest[size:]
		default:
			b.WriteString(backslashes[:len(backslashes)/2])
		}
		text = rest
	}
	return b.String()
}

// escape reads what follows the backslash of an escape: the hidden character and the
// number of bytes that express it, 0 for anything else.
func escape(text string) (r rune, size int) {
	switch {
	case strings.HasPrefix(text, "x"):
		size = 3
	case strings.HasPrefix(text, "u"):
		size = 5
	case strings.HasPrefix(text, "U"):
		size = 9
	}
	if size == 0 || len(text) < size {
		return 0, 0
	}
	number, err := strconv.ParseUint(text[1:size], 16, 32)
	r = rune(number)
	if err != nil || number > unicode.MaxRune || !utf8.ValidRune(r) || !isHidden(r) || size == 3 && r >= utf8.RuneSelf {
		return 0, 0 // such as \xff, a byte that is not part of a character
	}
	return r, size
}
