// Package plural writes a number with its noun.
package plural

import (
	"fmt"
	"strings"
)

// Of is a number with its noun: 1 entry, 2 entries.
func Of[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %s", n, several(thing))
}

func several(thing string) string {
	stem, y := strings.CutSuffix(thing, "y")
	switch {
	case y && stem != "" && !strings.ContainsAny(stem[len(stem)-1:], "aeiou"):
		return stem + "ies"
	case strings.HasSuffix(thing, "ss"):
		return thing + "es"
	}
	return thing + "s"
}
