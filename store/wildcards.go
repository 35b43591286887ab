package store

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"modernc.org/sqlite"
)

// Matches is the one rule by which a filter that an operator gives is compared
// with a text: * stands for any letters and ? for one, the rest for itself,
// whatever the case and however an accent is written. What is empty matches all.
func Matches(pattern, text string) bool { return pattern == "" || glob(folded(pattern), folded(text)) }

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

// teachMatching makes Matches a function of SQL, for all connections that are
// opened from then on. LIKE knows the case of ASCII only.
var teachMatching = sync.OnceValue(func() error {
	return sqlite.RegisterDeterministicScalarFunction("matches", 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if args[1] == nil {
			return nil, nil // of what is not there
		}
		pattern, ok := args[0].(string)
		text, okay := args[1].(string)
		if !ok || !okay {
			return nil, fmt.Errorf("matches(%T, %T)", args[0], args[1])
		}
		return Matches(pattern, text), nil
	})
})

// like asks for a text that matches.
func (q *query) like(column, pattern string) {
	if pattern != "" {
		q.where("matches(?, "+column+")", pattern)
	}
}
