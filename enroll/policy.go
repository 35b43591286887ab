package enroll

import (
	"context"
	"fmt"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// A site can forbid what the vendor allows: authentication by null string,
// short strings, and strings that never expire.

// shortString reports whether the string of a device has fewer digits than
// required. The size of its sealed form shows the length.
func shortString(d store.Device, s *settings.Settings) bool {
	return d.SealedString != nil && len(d.SealedString) < crypto.SealedSize(s.StringDigits)
}

// againstPolicy declines a device whose authentication mode has been
// forbidden since its operation was scheduled.
func againstPolicy(d store.Device, s *settings.Settings) *SessionError {
	switch {
	case d.AuthMode == store.ByNullString && !s.AllowNullString:
		return sessionError(ErrDeclined, store.InvalidCredentials, "By Null String is not allowed: %s is false", settings.AllowNullString)
	case d.AuthMode == store.ByString && shortString(d, s):
		return sessionError(ErrDeclined, store.InvalidString, "the authentication string of the device has fewer than %d digits: %s", s.StringDigits, settings.StringDigits)
	}
	return nil
}

// CheckPolicy refuses to schedule an operation that would be declined.
func CheckPolicy(d store.Device, s settings.Settings) error {
	end := againstPolicy(d, &s)
	if end == nil || d.Operation == store.NoOperation {
		return nil
	}
	advice := "--auth-mode auth-string with a string, lsc or mic"
	if d.AuthMode == store.ByString {
		advice = fmt.Sprintf("capf device generate-string %s makes one of %d digits", d.Name, settings.MaxDigits)
	}
	return apperr.WithHint(apperr.Refused("device %q: %s", d.Name, end.Detail), "%s", advice)
}

// OpenByNullString counts the devices with an operation scheduled By Null
// String: anyone who knows their names can enrol as one of them now.
func OpenByNullString(ctx context.Context, r *store.Reader) (int64, error) {
	s, err := settings.Read(ctx, r)
	if err != nil || !s.AllowNullString {
		return 0, err
	}
	return r.CountDevices(ctx, settings.OpenByNullString())
}
