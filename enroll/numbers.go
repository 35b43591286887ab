package enroll

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"capf/internal/apperr"
)

// ParseNumber reads a whole number from low to high as people write it: decimal
// digits and nothing else. The parsers of the language take signs, and some of
// them exponents, other bases, NaN and Inf, which would mean something that
// nobody meant. apperr.ErrValue.
func ParseNumber(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || !consists(s, isDigit) || n < low || n > high {
		return 0, apperr.BadValue("%q is not a number from %d to %d", s, low, high)
	}
	return n, nil
}

// parseDecimal reads a number of digits with at most one point among them.
func parseDecimal(s string) (float64, error) {
	whole, part, _ := strings.Cut(s, ".")
	if whole+part == "" || !consists(whole+part, isDigit) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return strconv.ParseFloat(s, 64)
}

// ParseDuration reads a length of time such as 30s, 2m or 1h30m, which has no
// sign. apperr.ErrValue.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || !isDigit(s[0]) {
		return 0, apperr.BadValue("%q is not a time such as 30s or 2m", s)
	}
	return d, nil
}
