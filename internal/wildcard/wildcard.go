// Package wildcard compares texts with patterns in which * and ? stand for letters.
// Every filter that an operator gives goes by it. It knows nothing of what is
// filtered.
package wildcard

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Match is the one rule by which a filter that an operator gives is compared
// with a text: * stands for any letters and ? for one, the rest for itself,
// whatever the case and however an accent is written. What is empty matches all.
func Match(pattern, text string) bool { return pattern == "" || glob(folded(pattern), folded(text)) }

// folded is the text as it is compared: in Unicode's normal form C, each letter
// the first of those that differ in case only.
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

// glob goes back only to the last star: what an earlier one stands for is long
// enough as it is.
func glob(pattern, text []rune) bool {
	p, t := 0, 0
	star, from := -1, 0 // the last star, and where what it stands for ends
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
