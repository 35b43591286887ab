package input

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"capf/internal/apperr"
)

// Number reads a whole number from low to high: decimal digits and nothing else. Go's
// parsers accept signs, and some of them exponents, other bases, NaN and Inf, which
// the writer would not have meant. Errors wrap ErrValue.
func Number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || !Consists(s, IsDigit) || n < low || n > high {
		return 0, apperr.BadValue("%q is not a number from %d to %d", s, low, high)
	}
	return n, nil
}

// Decimal reads a number of digits with at most one point among them.
func Decimal(s string) (float64, error) {
	whole, part, _ := strings.Cut(s, ".")
	if whole+part == "" || !Consists(whole+part, IsDigit) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return strconv.ParseFloat(s, 64)
}

// Duration reads a length of time such as 30s, 2m or 1h30m, without a sign. Errors
// wrap ErrValue.
func Duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || !IsDigit(s[0]) {
		return 0, apperr.BadValue("%q is not a time such as 30s or 2m", s)
	}
	return d, nil
}
