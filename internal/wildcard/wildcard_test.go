package wildcard

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 10000)
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "x", true}, {"*", "", true}, {"?", "", false}, {"x", "", false},
		{"berlin", "Berlin", true}, {"BERLIN", "Berlin", true}, {"berlin", "Berlin-Mitte", false}, {"berlin*", "Berlin-Mitte", true},
		{"*MITTE", "Berlin-Mitte", true}, {"b*n*e", "Berlin-Mitte", true}, {"b*n*x", "Berlin-Mitte", false}, {"*", "Köln", true},
		{"KÖL*", "Köln", true}, {"köln", "KÖLN", true}, {"k?ln", "Köln", true}, {"k??ln", "Köln", false}, {"koln", "Köln", false},
		{"KO\u0308L*", "Köln", true}, {"k?ln", "Ko\u0308ln", true}, {"МОСКВА", "Москва", true}, {"αθηνας", "ΑΘΗΝΑΣ", true},
		{"stra\u1e9ee", "Straße", true}, {"\u212aöln", "köln", true}, {"電*", "電話", true}, {"?話", "電話", true},
		{"100%", "100%", true}, {"100%", "1000", false}, {"a_c", "abc", false}, {`a\*`, `a\b`, true}, {"[a]", "a", false},
		{"a?", "a", false}, {"a?", "a?", true}, {"**a**", "xax", true}, {"a*a*a*a*a*a*b", long, false}, {"*a", long, true},
		{"mitte", "Berlin-Mitte", false}, {"?b", "aab", false}, {"xb", "ab", false}, {"*b", "cab", true},
		{"az{", "AZ{", true}, {"a[", "a{", false}, {"a@", "a`", false}, {"\u0080", "\u0080", true}, {"*b", "ab", true}, {"a*b", "ab", true},
		{"a\xff", "A\xff", true}, {"a\xff", "a", false},
	} {
		if got := Match(test.pattern, test.text); got != test.want {
			t.Errorf("%q matches %.20q: %v", test.pattern, test.text, got)
		}
	}
}

// FuzzMatch: a text matches itself in either case, and a star everything.
func FuzzMatch(f *testing.F) {
	f.Add("Köln", "KÖL*")
	f.Add("\u0130\u1e9e\u03a3", "?*?")
	f.Fuzz(func(t *testing.T, text, pattern string) {
		if !utf8.ValidString(text) {
			return
		}
		Match(pattern, text)
		if !Match("*", text) || !Match("*"+text+"*", text) || !Match(text+"*", text) {
			t.Errorf("%q does not match itself", text)
		}
	})
}
