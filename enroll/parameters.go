package enroll

import (
	"context"

	"capf/enroll/settings"
)

// Settings are the parameters as they are in force. Rooms that have no Rules call
// settings.Read.
func (r *Rules) Settings(ctx context.Context) (settings.Settings, error) {
	return settings.Read(ctx, r.Store)
}
