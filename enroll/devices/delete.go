package devices

import (
	"context"

	"capf/store"
)

// Delete deletes a device. What belongs to it stays in the record; other servers
// go on accepting its LSCs unless these are revoked first. ErrNotFound: there is
// no such device.
func Delete(ctx context.Context, s *store.Store, actor store.Actor, name string) error {
	return s.DeleteDevice(ctx, actor, name)
}
