package store

import (
	"context"
	"time"

	"capf/internal/serialnumber"
)

// A stale LSC may be on its phone, if only the confirmation got lost. So until
// it expires, deleting it removes only its certificate and its place in the
// lists: the record must still know it when somebody presents it.
const (
	discard = "UPDATE lscs SET state = 'discarded', request_id = NULL, certificate = x'' WHERE not_after > ? AND "
	remove  = "DELETE FROM lscs WHERE not_after <= ? AND "
)

// DeleteStale deletes stale LSCs, all of them when serials is nil, and returns
// how many. Either all are deleted or none: ErrNotFound names the serial that
// there is not, ErrConflict the one whose LSC is not stale. One that is named
// twice, however it is written, counts once. There is an event for each LSC, or
// one for all. Of those that have not run out, serial and fingerprint stay;
// those for which that is over go.
func (s *Store) DeleteStale(ctx context.Context, a Actor, serials []string) (n int64, err error) {
	err = s.change(ctx, func(t *tx) (err error) {
		n = 0
		if _, err := t.exec(remove+"state = 'discarded'", millis(t.now)); err != nil {
			return err
		}
		if serials == nil {
			n, err = dropStale(t, "state = 'stale'")
			return recordAllDeleted(t, a, "stale-lsc-delete", n, "stale LSC", err)
		}
		seen := map[string]bool{}
		for _, serial := range serials {
			if seen[serialnumber.Plain(serial)] {
				continue
			}
			seen[serialnumber.Plain(serial)] = true
			deleted, err := deleteStale(t, a, serial)
			if err != nil {
				return err
			}
			n += deleted
		}
		return nil
	})
	if err != nil {
		return 0, failed(err, "deleting stale LSCs")
	}
	return n, nil
}

// DeleteStaleBefore deletes the LSCs that became stale before the time as
// DeleteStale does, and in portions as DeleteRequestsBefore.
func (s *Store) DeleteStaleBefore(ctx context.Context, a Actor, before time.Time) (int64, error) {
	n, err := s.inPortions(ctx, func(t *tx) (int64, error) {
		if _, err := t.exec(remove+"state = 'discarded'", millis(t.now)); err != nil {
			return 0, err
		}
		n, err := dropStale(t, "id IN (SELECT id FROM lscs WHERE state = 'stale' AND ended_at < ? LIMIT ?)", millis(before), portion)
		return n, recordRetention(t, a, "stale-lsc-delete", n, "stale LSC", before, err)
	})
	return n, failed(err, "deleting stale LSCs")
}

// dropStale discards or deletes the stale LSCs that the condition selects.
func dropStale(t *tx, term string, args ...any) (int64, error) {
	args = append([]any{millis(t.now)}, args...)
	removed, err := t.exec(remove+term, args...)
	if err != nil {
		return 0, err
	}
	discarded, err := t.exec(discard+term, args...)
	return removed + discarded, err
}

// deleteStale deletes more than one only when two issuers have used the serial.
func deleteStale(t *tx, a Actor, serial string) (int64, error) {
	plain := serialnumber.Plain(serial)
	devices, err := rowsOf(t, query{selection: "SELECT device FROM lscs WHERE serial = ? AND state = 'stale'", args: []any{plain}},
		func(device *string) []any { return []any{device} })
	if err != nil {
		return 0, err
	}
	if len(devices) > 0 {
		if _, err := dropStale(t, "serial = ? AND state = 'stale'", plain); err != nil {
			return 0, err
		}
	}
	for _, device := range devices {
		if err := t.event(a, device, EventText{Action: "stale-lsc-delete", Detail: plain}); err != nil {
			return 0, err
		}
	}
	if len(devices) > 0 {
		return int64(len(devices)), nil
	}
	var state string
	if err := t.row("SELECT state FROM lscs WHERE serial = ? AND state <> 'discarded'", plain).Scan(&state); err != nil {
		return 0, failed(err, "LSC %q", serial)
	}
	return 0, conflict("the LSC %q is %s", serial, state)
}
