package cmdline

import (
	"strconv"
	"strings"
)

// DidYouMean returns a hint that proposes the known word nearest to the given one, or
// the other advice if none is near.
func DidYouMean(word string, known []string, otherwise string) string {
	plain := func(s string) string { return strings.ToLower(strings.TrimLeft(s, "-")) }
	word = plain(word)
	best, bestDistance := "", len(word)/3+2
	for _, k := range known {
		d := distance(word, plain(k))
		if len(word) > 2 && strings.Contains(plain(k), word) {
			d = min(d, 1) // not finished, rather than mistyped
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

// distance is the number of letters that have to be inserted, removed,
// replaced or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	before, above, row := rows[0], rows[1], rows[2]
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
