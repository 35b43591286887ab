package settings

import (
	"fmt"
	"strconv"

	"capf/crypto"
	"capf/internal/plural"
	"capf/store"
)

// Touched are the devices that a change of a parameter affects.
type Touched struct {
	Filter store.DeviceFilter
	what   string
}

// String says what the change means for that many devices.
func (t Touched) String(n int64) string { return plural.Of(n, "device") + " " + t.what }

// OpenByNullString selects the devices with an operation scheduled By Null
// String: anyone who knows their names can enroll as one of them now.
func OpenByNullString() store.DeviceFilter {
	return store.DeviceFilter{AuthMode: store.ByNullString, Scheduled: true}
}

func byNullString(_, value string) *Touched {
	what := "with an operation scheduled By Null String: what is scheduled will be declined"
	if value == "true" {
		what = "with an operation scheduled By Null String: anyone who knows the name can carry it out"
	}
	return &Touched{OpenByNullString(), what}
}

// byStringLength finds the strings between the old and the new minimum length
// by the size of their sealed form.
func byStringLength(old, value string) *Touched {
	before, _ := strconv.Atoi(old)
	now, _ := strconv.Atoi(value)
	f := store.DeviceFilter{StringFrom: crypto.SealedSize(min(before, now)), StringBelow: crypto.SealedSize(max(before, now))}
	if now < before {
		return &Touched{f, fmt.Sprintf("with a string of fewer than %d digits, which counts again", before)}
	}
	return &Touched{f, fmt.Sprintf("with a string of fewer than %d digits, which does not count any more", now)}
}

func bySingleUse(_, value string) *Touched {
	what := "By Authentication String whose string goes when an operation has been completed with it"
	if value == "false" {
		what = "By Authentication String whose string stays when an operation has been completed with it"
	}
	return &Touched{store.DeviceFilter{AuthMode: store.ByString, StringFrom: 1}, what}
}
