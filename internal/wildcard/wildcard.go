// Package wildcard compares texts with patterns in which * and ? stand for
// characters. Every filter that an operator gives uses it. It must not know what is
// filtered.
package wildcard

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Match is the one rule for comparing an operator's filter with a text: * stands for
// any characters, ? for one and everything else for itself, regardless of case and of
// how an accent is encoded. An empty pattern matches everything.
func Match(pattern, text string) bool { return pattern == "" || glob(folded(pattern), folded(text)) }

// folded is the text as it is compared: in Unicode's normal form C, with each letter
// replaced by the first of those that differ only in case.
func folded(s string) []rune {
	if !isASCII(s) {
		s = norm.NFC.String(s)
	}
	letters := make([]rune, 0, utf8.RuneCountInString(s))
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			r -= 'a' - 'A'
		case r >= utf8.RuneSelf:
			r = firstOfCase(r)
		}
		letters = append(letters, r)
	}
	return letters
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func firstOfCase(r rune) rune {
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return first
}

// glob backtracks only to the last star: a longer match for an earlier one cannot
// help.
func glob(pattern, text []rune) bool {
	p, t := 0, 0
	star, from := -1, 0 // the last star, and where its match ends
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[p:]), "*") == ""
}
