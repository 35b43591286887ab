package settings

import (
	"errors"
	"strings"

	"capf/internal/apperr"
	"capf/internal/input"
)

// The bounds of the share of its life after which an LSC is renewed. With less, phones
// would be renewing all the time; with more, a phone that is switched off for a while
// would miss its renewal.
const (
	leastShare = 0.10
	mostShare  = 0.95
)

// parseShare checks a share: a fraction, a decimal number or a percentage.
func parseShare(value string) (string, error) {
	n, err := shareOf(value)
	if err != nil || n != 0 && (n < leastShare || n > mostShare) {
		return "", apperr.BadValue("%s must be 0 or a share from 1/10 to 19/20 such as 2/3, 0.66 or 66%%, not %q", RenewBefore, value)
	}
	if n == 0 {
		return "0", nil
	}
	return value, nil
}

func shareOf(value string) (float64, error) {
	if percent, ok := strings.CutSuffix(value, "%"); ok {
		n, err := input.Decimal(percent)
		return n / 100, err
	}
	above, below, ok := strings.Cut(value, "/")
	if !ok {
		return input.Decimal(value)
	}
	a, err := input.Number(above, 0, 1<<16)
	b, err2 := input.Number(below, 1, 1<<16)
	if err := errors.Join(err, err2); err != nil {
		return 0, err
	}
	return float64(a) / float64(b), nil
}

// share returns the value of a text that has passed parseShare.
func share(value string) float64 {
	n, _ := shareOf(value)
	return n
}
