package devices

import (
	"context"
	"fmt"

	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// checkPolicy refuses to schedule an operation that would be declined.
func checkPolicy(d store.Device, s settings.Settings) error {
	why := s.Forbidden(d)
	if why == "" || d.Operation == store.NoOperation {
		return nil
	}
	advice := "--auth-mode auth-string with a string, lsc or mic"
	if d.AuthMode == store.ByString {
		advice = fmt.Sprintf("capf device generate-string %s makes one of %d digits", d.Name, settings.MaxDigits)
	}
	return apperr.WithHint(apperr.Refused("device %q: %s", d.Name, why), "%s", advice)
}

// OpenByNullString counts the devices with an operation scheduled By Null
// String: anyone who knows their names can enroll as one of them now.
func OpenByNullString(ctx context.Context, r *store.Reader) (int64, error) {
	s, err := settings.Read(ctx, r)
	if err != nil || !s.AllowNullString {
		return 0, err
	}
	return r.CountDevices(ctx, settings.OpenByNullString())
}
