package enroll

import (
	"context"
	"fmt"
	"strconv"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// What the vendor leaves open, a site can close: authentication by null string,
// short strings, and strings that are good for ever.

// shortString says whether the string of a device has fewer digits than there
// have to be. Its sealed form tells the length.
func shortString(d store.Device, s Settings) bool {
	return d.SealedString != nil && len(d.SealedString) < crypto.SealedSize(s.StringDigits)
}

// againstPolicy declines a device whose way to authenticate has been closed
// since it was scheduled.
func againstPolicy(d store.Device, s Settings) *SessionError {
	switch {
	case d.AuthMode == store.ByNullString && !s.AllowNullString:
		return sessionError(ErrDeclined, store.InvalidCredentials, "By Null String is not allowed: %s is false", pAllowNullString)
	case d.AuthMode == store.ByString && shortString(d, s):
		return sessionError(ErrDeclined, store.InvalidString, "the authentication string of the device has fewer than %d digits: %s", s.StringDigits, pStringDigits)
	}
	return nil
}

// checkPolicy refuses to schedule for a device what would be declined.
func checkPolicy(d store.Device, s Settings) error {
	end := againstPolicy(d, s)
	if end == nil || d.Operation == store.NoOperation {
		return nil
	}
	advice := "--auth-mode auth-string with a string, lsc or mic"
	if d.AuthMode == store.ByString {
		advice = fmt.Sprintf("capf device generate-string %s makes one of %d digits", d.Name, maxDigits)
	}
	return apperr.WithHint(apperr.Refused("device %q: %s", d.Name, end.Detail), "%s", advice)
}

// OpenByNullString counts the devices that whoever knows their names can enrol
// as, now: they have an operation scheduled By Null String.
func (r *Rules) OpenByNullString(ctx context.Context) (int64, error) {
	settings, err := r.Settings(ctx)
	if err != nil || !settings.AllowNullString {
		return 0, err
	}
	return r.Store.CountDevices(ctx, openByNullString())
}

func openByNullString() store.DeviceFilter {
	return store.DeviceFilter{AuthMode: store.ByNullString, Scheduled: true}
}

// Touched are the devices that the change of a parameter is about.
type Touched struct {
	Filter store.DeviceFilter
	what   string
}

// String says what the change means to so many of them.
func (t Touched) String(n int64) string { return plural.Of(n, "device") + " " + t.what }

// touched are the devices that a change of a parameter is about, nil for a
// parameter that is about none in particular.
func touched(name, old, value string) *Touched {
	switch name {
	case pAllowNullString:
		what := "with an operation scheduled By Null String: what is scheduled will be declined"
		if value == "true" {
			what = "with an operation scheduled By Null String: whoever knows the name can have it"
		}
		return &Touched{openByNullString(), what}
	case pStringDigits:
		before, _ := strconv.Atoi(old)
		now, _ := strconv.Atoi(value)
		f := store.DeviceFilter{StringFrom: crypto.SealedSize(min(before, now)), StringBelow: crypto.SealedSize(max(before, now))}
		if now < before {
			return &Touched{f, fmt.Sprintf("with a string of fewer than %d digits, which counts again", before)}
		}
		return &Touched{f, fmt.Sprintf("with a string of fewer than %d digits, which does not count any more", now)}
	case pSingleUse:
		what := "By Authentication String whose string goes when an operation has been completed with it"
		if value == "false" {
			what = "By Authentication String whose string stays when an operation has been completed with it"
		}
		return &Touched{store.DeviceFilter{AuthMode: store.ByString, StringFrom: 1}, what}
	}
	return nil
}
