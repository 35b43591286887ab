package devices

import (
	"context"

	"capf/store"
)

// Delete deletes a device. What belongs to it stays in the record without it; its
// LSCs go on to be accepted unless they are revoked first. ErrNotFound: there is
// no such device.
func Delete(ctx context.Context, s *store.Store, actor store.Actor, name string) error {
	return s.DeleteDevice(ctx, actor, name)
}
