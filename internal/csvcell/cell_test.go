package csvcell

import (
	"encoding/csv"
	"strings"
	"testing"
	"unicode"
)

var cells = map[string]string{
	"front desk":          "front desk",
	"Büro 3, links":       "Büro 3, links",
	`C:\users\x`:          `C:\users\x`,
	"=1+1":                "'=1+1",
	"'=1+1":               "''=1+1",
	"x;=cmd|' /C calc'!A": "x;'=cmd|' /C calc'!A",
	"x,=1":                "x,'=1",
	"x|@1":                "x|'@1",
	`x;"=1`:               `x;'"=1`,
	"x; \u00a0＝1":         "x;' \u00a0＝1",
	"a-b=c+d@e":           "a-b=c+d@e",
	"x\n=1":               `x\x0a=1`,
	"x\t=1\r":             `x\x09=1\x0d`,
	"\x1b[31mred":         `\x1b[31mred`,
	"\x9b31m":             `\x9b31m`, // a byte of no character
	"\u009b31m":           `\u009b31m`,
	"\u202efdp.exe":       `\u202efdp.exe`,
	"\u2066x\u2069\ufeff": `\u2066x\u2069\ufeff`,
	"\u200b=1":            `\u200b=1`,
	"\U000e0041":          `\U000e0041`,
	`\x1b`:                `\\x1b`,
	`\\x1b`:               `\\\\x1b`,
	"\\\x1b":              `\\\x1b`,
	`\u0041`:              `\u0041`, // nothing that is hidden
	"=1;=2":               "'=1;'=2",
	"a'=b":                "a'=b", // no beginning of a cell
	"\u0080":              `\u0080`,
	"\uffff":              `\uffff`,
	"\U0010ffff":          `\U0010ffff`,
	`\x80`:                `\x80`, // a byte of no character
	`\A0000001b`:          `\A0000001b`,
	"\\\xff":              `\\\xff`,
}

func TestGuard(t *testing.T) {
	t.Parallel()
	for text, want := range cells {
		if got := Guard(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// FuzzCell: a text comes back from its cell as it was; nothing in the cell is
// hidden; and whatever a program takes for the separator, no cell that it sees
// is a formula.
func FuzzCell(f *testing.F) {
	for text := range cells {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		cell := Guard(text)
		if back := Text(cell); back != text {
			t.Errorf("%q came back from %q as %q", text, cell, back)
		}
		if strings.ContainsFunc(cell, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%q hides something", cell)
		}
		var file strings.Builder
		w := csv.NewWriter(&file)
		if err := w.Write([]string{"SEP001122334455", cell, cell}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		for _, separator := range ",;|\t" {
			r := csv.NewReader(strings.NewReader(file.String()))
			r.Comma, r.LazyQuotes = separator, true
			seen, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range append(seen, strings.Split(file.String(), string(separator))...) {
				if c = strings.TrimLeft(c, " \""); c != "" && strings.ContainsAny(c[:1], "=+-@") {
					t.Errorf("with %q, %q has the formula %q", separator, file.String(), c)
				}
			}
		}
	})
}

// TestText: whatever stands behind a guard, in a cell that another program wrote
// too, the guard is not part of the text.
func TestText(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if got := Text("'" + begin + "x"); got != begin+"x" {
			t.Errorf("%q is read as %q", "'"+begin+"x", got)
		}
	}
	if got := Text("'tis"); got != "'tis" {
		t.Errorf("an apostrophe of the text's own is lost: %q", got)
	}
}
