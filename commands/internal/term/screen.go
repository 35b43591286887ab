package term

import (
	"strconv"
	"strings"

	"golang.org/x/term"
)

// Screen is the size of a terminal, in columns and lines. COLUMNS and LINES of the
// environment (environ(7)) come before what the terminal says of itself.
func Screen(out File, getenv func(string) string) (columns, lines int) {
	columns, lines, _ = term.GetSize(int(out.Fd()))
	return sizeOr(columns, getenv("COLUMNS"), pageWidth), sizeOr(lines, getenv("LINES"), 24)
}

// sizeOr is what the environment says, or the terminal, or else what most have: a serial
// line does not know its size.
func sizeOr(told int, variable string, usual int) int {
	if n, err := strconv.Atoi(variable); err == nil && n > 0 {
		return n
	}
	if told > 0 {
		return told
	}
	return usual
}

// Ellipsis is what stands where a text was cut, in letters that the locale has.
func Ellipsis(getenv func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // locale(7)
		if locale := strings.ToLower(getenv(name)); locale != "" {
			if strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8") {
				return "…"
			}
			break
		}
	}
	return "..."
}
