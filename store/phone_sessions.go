package store

import (
	"context"
	"time"
)

// BeginInstall numbers a session that has authenticated for an installation: of
// two sessions of a device the later one has the greater number, whatever
// processes they are with. A phone sends its key when it has been asked for it,
// and it is asked after this. The device has been seen now. ErrConflict: the device
// has been deleted.
func (s *Store) BeginInstall(ctx context.Context, device Device) (session int64, err error) {
	err = s.change(ctx, func(t *tx) error {
		err := t.row("UPDATE devices SET sessions = sessions + 1, seen_at = ? WHERE id = ? RETURNING sessions", millis(t.now), device.ID).Scan(&session)
		if err == ErrNotFound {
			return conflict("the device has been deleted")
		}
		return err
	})
	return session, failed(err, "numbering the session of device %q", device.Name)
}

// seenWithin is how exact SeenAt is. A phone that comes again and again costs one
// write in that time.
const seenWithin = time.Hour

// NoteSeen notes that a session has named the device, unless that has been noted
// within the last hour; then it writes nothing. Of a device that has been deleted
// there is nothing to note.
func (s *Store) NoteSeen(ctx context.Context, device Device) error {
	since := s.options.Now().Sub(device.SeenAt)
	if 0 <= since && since < seenWithin {
		return nil
	}
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE devices SET seen_at = ? WHERE id = ?", millis(t.now), device.ID)
		return err
	})
	return failed(err, "noting that device %q was seen", device.Name)
}
