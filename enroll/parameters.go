package enroll

import (
	"context"

	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

// Settings are the parameters as they are in force. Rooms that have no Rules call
// settings.Read.
func (r *Rules) Settings(ctx context.Context) (settings.Settings, error) {
	return settings.Read(ctx, r.Store.Reader)
}

// AuthenticationString is the string of the device, "" when it has none.
func (r *Rules) AuthenticationString(d store.Device) (string, error) {
	return secrets.AuthenticationString(r.Sealer, d)
}
