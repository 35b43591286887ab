package store

import (
	"context"
	"fmt"
	"time"

	"capf/internal/plural"
)

// pruneAction is the action of the event that each pruning writes before it
// deletes, so that one always follows the deleted events.
const pruneAction = "audit-prune"

// PruneEvents deletes the events from the beginning of the record up to the
// first one that is not older than the time, and stores the id and the hash of
// the last deleted one, so that the rest can still be verified. Faults in the
// deleted part can no longer be found: verify first. The event of the pruning
// itself is always written, and written first. The events are deleted in
// portions, so that phones need not wait for the whole. With an error, n is how
// many were deleted; repeating the call deletes the rest.
func (s *Store) PruneEvents(ctx context.Context, a Actor, before time.Time) (n int64, err error) {
	var last int64
	err = s.change(ctx, func(t *tx) error {
		var events int64
		err := t.row("SELECT count(*), coalesce(max(id), 0) FROM events WHERE id < "+firstKept, keptSince(before, t.now)...).Scan(&events, &last)
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: pruneAction, Detail: fmt.Sprintf("%s from before %s", plural.Of(events, "event"), before.UTC().Format(time.RFC3339))})
	})
	if err == nil && last > 0 {
		n, err = s.inPortions(ctx, func(t *tx) (int64, error) { return pruneEvents(t, last) })
	}
	return n, failed(err, "pruning events")
}

// pruneEvents deletes a portion of the events up to the last one.
func pruneEvents(t *tx, last int64) (int64, error) {
	var id int64
	var hash []byte
	err := t.row("SELECT id, hash FROM (SELECT id, hash FROM events WHERE id <= ? ORDER BY id LIMIT ?) ORDER BY id DESC LIMIT 1", last, portion).Scan(&id, &hash)
	if err == ErrNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// Events of this transaction are in the table, but not yet in the head.
	if err := t.writeHead(); err != nil {
		return 0, err
	}
	if _, err := t.exec("UPDATE event_chain SET anchor_id = ?, anchor_hash = ?", id, hash); err != nil {
		return 0, err
	}
	if _, err := t.exec("DELETE FROM event_checkpoints WHERE event_id <= ?", id); err != nil {
		return 0, err
	}
	return t.exec("DELETE FROM events WHERE id <= ?", id)
}

// Prunable describes what PruneEvents would delete.
type Prunable struct {
	Events      int64
	First, Last time.Time // zero when there are none
}

// firstKept is the id of the first event that is not older than a time: the
// events before it are a beginning of the record, whatever the clock did. An
// event in the future was written while the clock was wrong, and is as old as its
// neighbours: it goes when a later one is old.
const firstKept = `min(coalesce((SELECT min(id) FROM events WHERE at >= ? AND at <= ?), 9223372036854775807),
	coalesce((SELECT max(id) FROM events WHERE at < ?), 0) + 1)`

func keptSince(before, now time.Time) []any {
	return []any{millis(before), millis(now), millis(before)}
}

// PrunableEvents says what PruneEvents would delete, and deletes nothing.
func (s *Reader) PrunableEvents(ctx context.Context, before time.Time) (p Prunable, err error) {
	err = s.point(ctx, "SELECT count(*), coalesce(min(at), 0), coalesce(max(at), 0) FROM events WHERE id < "+firstKept,
		keptSince(before, s.options.Now()), &p.Events, (*instant)(&p.First), (*instant)(&p.Last))
	return p, failed(err, "looking at the events from before %s", before.UTC().Format(time.RFC3339))
}
