package store

import (
	"context"
)

// BeginInstall numbers a session that has authenticated for an installation: of
// two sessions of a device the later one has the greater number, whatever
// processes they are with. A phone sends its key when it has been asked for it,
// and it is asked after this. ErrConflict: the device has been deleted.
func (s *Store) BeginInstall(ctx context.Context, device Device) (session int64, err error) {
	err = s.change(ctx, func(t *tx) error {
		err := t.row("UPDATE devices SET sessions = sessions + 1 WHERE id = ? RETURNING sessions", device.ID).Scan(&session)
		if err == ErrNotFound {
			return conflict("the device has been deleted")
		}
		return err
	})
	return session, failed(err, "numbering the session of device %q", device.Name)
}
