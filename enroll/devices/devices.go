// Package devices is for what an operator does about one device: its name, its
// attributes, the operation that is scheduled for it, its authentication string
// and its move to another cluster. Rooms that change devices in number do so
// through Rules.Edit, so that each obeys the same rules. The package knows
// nothing of command lines, files and the wire.
package devices

import (
	"context"
	"io"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

// Rules changes devices.
type Rules struct {
	Store  *store.Store
	Sealer *crypto.Sealer // nil where no secret is touched
	Now    func() time.Time
	Rand   io.Reader // for authentication strings
}

// Settings are the parameters that are in force.
func (r *Rules) Settings(ctx context.Context) (settings.Settings, error) {
	return settings.Read(ctx, r.Store.Reader)
}

// AuthenticationString is the string of the device, "" when it has none.
func (r *Rules) AuthenticationString(d store.Device) (string, error) {
	return secrets.AuthenticationString(r.Sealer, d)
}
