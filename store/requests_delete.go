package store

import (
	"context"
	"time"
)

// DeleteRequests deletes requests that have no certificate, all pending ones
// when ids is nil, and returns how many; one that is named twice counts once. Either all are deleted or none:
// ErrNotFound names the id that does not exist, ErrConflict the one that has
// been issued. There is an event for each id, or one for all, and one for each
// that the online CA goes on with.
func (s *Store) DeleteRequests(ctx context.Context, a Actor, ids []int64) (n int64, err error) {
	ids = unique(ids)
	err = s.change(ctx, func(t *tx) (err error) {
		if ids == nil {
			if err := leaveAtCA(t, a, "r.state = 'pending'"); err != nil {
				return err
			}
			n, err = t.exec("DELETE FROM requests WHERE state = 'pending'")
			return recordAllDeleted(t, a, "csr-delete", n, "pending request", err)
		}
		for _, id := range ids {
			if err := deleteRequest(t, a, id); err != nil {
				return err
			}
		}
		n = int64(len(ids))
		return nil
	})
	if err != nil {
		return 0, failed(err, "deleting requests")
	}
	return n, nil
}

func deleteRequest(t *tx, a Actor, id int64) error {
	if err := leaveAtCA(t, a, "r.id = ? AND r.state <> 'issued'", id); err != nil {
		return err
	}
	var device string
	err := t.row("DELETE FROM requests WHERE id = ? AND state <> 'issued' RETURNING device", id).Scan(&device)
	if err == nil {
		return t.event(a, device, EventText{Action: "csr-delete", Detail: decimal(id)})
	}
	if err != ErrNotFound {
		return err
	}
	var state string
	if err := t.row("SELECT state FROM requests WHERE id = ?", id).Scan(&state); err != nil {
		return failed(err, "request %d", id)
	}
	return conflict("request %d has been %s", id, state)
}

// DeleteRequestsBefore deletes the requests from before the time of which no
// certificate is kept, those that wait among them, and returns how many. It
// takes them in portions, each with its event, so that phones need not wait for
// the whole; with an error, the number is of those that have gone.
func (s *Store) DeleteRequestsBefore(ctx context.Context, a Actor, before time.Time) (int64, error) {
	const those = "SELECT id FROM requests WHERE created_at < ? AND " + isBare + " ORDER BY created_at, id LIMIT ?"
	n, err := s.inPortions(ctx, func(t *tx) (int64, error) {
		if err := leaveAtCA(t, a, "r.id IN ("+those+")", millis(before), portion); err != nil {
			return 0, err
		}
		n, err := t.exec("DELETE FROM requests WHERE id IN ("+those+")", millis(before), portion)
		return n, recordRetention(t, a, "csr-delete", n, "request", before, err)
	})
	return n, failed(err, "deleting requests")
}
