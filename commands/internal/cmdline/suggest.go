package cmdline

import (
	"strconv"
	"strings"

	"capf/internal/similar"
)

// DidYouMean returns a hint that proposes the known word nearest to the given one, or
// the other advice if none is near.
func DidYouMean(word string, known []string, otherwise string) string {
	plain := func(s string) string { return strings.ToLower(strings.TrimLeft(s, "-")) }
	word = plain(word)
	best, bestDistance := "", len(word)/3+2
	if len(word) <= 3 { // two of three letters are another word
		bestDistance = 2
	}
	for _, k := range known {
		d := similar.Distance(word, plain(k))
		if len(word) > 2 && strings.Contains(plain(k), word) {
			d = min(d, 1) // not finished, rather than mistyped
		}
		if strings.HasSuffix(word, "-"+plain(k)) {
			d = min(d, 1) // the same word with a prefix, as other commands have it
		}
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return otherwise
	}
	return "did you mean " + strconv.Quote(best) + "?"
}
