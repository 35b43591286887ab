package directory

import (
	"math"
	"strings"

	"capf/internal/apperr"
	"capf/internal/input"
)

// Brake limits how many devices of a directory may be missing at once, as a
// number or a percentage of those that it has named. More missing devices
// suggest a directory that has moved, a wrong filter or an incomplete answer.
type Brake struct {
	number  int
	percent bool
}

// DefaultBrake is 20 %.
var DefaultBrake = Brake{20, true}

// alwaysMissing is how many may be missing whatever the percentage: of a few
// devices, one is a large share.
const alwaysMissing = 10

// ParseBrake reads a number such as 50, or a percentage such as 20%. ErrValue.
func ParseBrake(s string) (Brake, error) {
	text, percent := strings.CutSuffix(s, "%")
	high := math.MaxInt32
	if percent {
		high = 100
	}
	n, err := input.Number(text, 0, high)
	if err != nil {
		return Brake{}, apperr.BadValue("%q is neither a number of devices such as 50 nor a percentage such as 20%%", s)
	}
	return Brake{n, percent}, nil
}

func (b Brake) most(named int64) int64 {
	if b.percent {
		return max(alwaysMissing, named*int64(b.number)/100)
	}
	return int64(b.number)
}
