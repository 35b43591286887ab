package term

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// OneLine keeps a message on its line, whatever a file or a peer put into it.
func OneLine(s string) string { return Visible(strings.TrimSpace(s)) }

// Visible returns a text without the power over a terminal: control characters and
// those that reorder text are written as escapes.
func Visible(s string) string {
	if isPrintable(s) {
		return s
	}
	dangerous := func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' '
	}
	if strings.IndexFunc(s, dangerous) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !dangerous(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRuneToASCII(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// isPrintable says whether a text is plain ASCII, as most are. It saves looking up
// every rune.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Width is the number of columns that a text takes on a terminal. Most texts are
// ASCII, for which tablewriter's own function is slow.
func Width(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return twwidth.Width(s)
		}
	}
	return len(s)
}

// Cut shortens a text to so many columns of a terminal, the last of which say that
// something is missing.
func Cut(s string, width int, ellipsis string) string {
	if Width(s) <= width {
		return s
	}
	room := width - Width(ellipsis)
	if room < 0 {
		room, ellipsis = width, ""
	}
	kept := twwidth.Truncate(s, room)
	for Width(kept) > room { // it counts letters, where Width knows that some join
		_, last := utf8.DecodeLastRuneInString(kept)
		kept = kept[:len(kept)-last]
	}
	return kept + ellipsis
}

// pageWidth is that of the narrowest terminal in use.
const pageWidth = 80

// Fold breaks a text into lines that fit any terminal, those after the first
// indented.
func Fold(text string, indent int) string { return FoldTo(pageWidth, text, indent) }

// FoldTo is Fold for a terminal of so many columns.
func FoldTo(columns int, text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		width := Width(word)
		switch {
		case i == 0:
		case at+1+width > columns:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += width
	}
	return b.String()
}

func UpperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
