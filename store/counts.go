package store

import "context"

// CountLocked counts the devices that wrong authentication strings have locked,
// at this moment.
func (s *Reader) CountLocked(ctx context.Context) (n int64, err error) {
	// The first term is word for word the condition of the index devices_locked.
	err = s.point(ctx, "SELECT count(*) FROM devices WHERE locked_until > 0 AND locked_until > ? AND locked_until <= ?",
		[]any{millis(s.options.Now()), millis(s.options.Now().Add(LockTime))}, &n)
	return n, failed(err, "counting locked devices")
}

// CountInstalled counts the installed LSCs of devices that there are.
func (s *Reader) CountInstalled(ctx context.Context) (n int64, err error) {
	// Word for word as in the index lscs_installed.
	err = s.point(ctx, "SELECT count(*) FROM lscs WHERE state = 'installed' AND device_id > 0", nil, &n)
	return n, failed(err, "counting installed LSCs")
}
