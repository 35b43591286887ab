package devices

import (
	"context"

	"capf/store"
)

// Unlock ends the lock of a device, whatever the reason for it, and forgets the
// mistakes that were counted towards the next one. String and operation stay. was says
// whether the device was locked; of one that has nothing to forget, nothing changes.
// Errors: store.ErrNotFound.
func (r *Rules) Unlock(ctx context.Context, actor store.Actor, name string) (d store.Device, was bool, err error) {
	now := r.Now()
	d, err = r.Store.ChangeDevice(ctx, actor, FullName(ctx, r.Store.Reader, name), store.EventText{Action: "device-unlock"}, func(d *store.Device) error {
		was = d.Locked(now)
		unlock(d)
		return nil
	})
	return d, was, err
}
