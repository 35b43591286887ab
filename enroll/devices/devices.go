// Package devices holds what an operator can do with one device: its name, its
// attributes, its scheduled operation, its authentication string and its move
// to another cluster. Rooms that change many devices use Rules.Edit, so that
// the same rules apply everywhere. The package knows nothing of command lines,
// files or the wire.
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
	Sealer *crypto.Sealer // nil when no secret is involved
	Now    func() time.Time
	Rand   io.Reader // for authentication strings
}

// Settings returns the parameters that are in force.
func (r *Rules) Settings(ctx context.Context) (settings.Settings, error) {
	return settings.Read(ctx, r.Store.Reader)
}

// AuthenticationString returns the device's string, "" when it has none.
func (r *Rules) AuthenticationString(d store.Device) (string, error) {
	return secrets.AuthenticationString(r.Sealer, d)
}
