package store

import (
	"context"
	"fmt"
	"time"

	"capf/internal/plural"
)

// portion is how much is deleted in one transaction: phones wait for it, and
// each deleted row means several changed pages.
const portion = 5000

// DeleteRequestsBefore deletes the requests from before the time of which no
// certificate is kept, those that wait among them, and returns how many. It
// takes them in portions, each with its event, so that phones need not wait for
// the whole; with an error, the number is of those that have gone.
func (s *Store) DeleteRequestsBefore(ctx context.Context, a Actor, before time.Time) (int64, error) {
	const those = "SELECT id FROM requests WHERE created_at < ? AND " + isBare + " ORDER BY created_at, id LIMIT ?"
	n, err := s.inPortions(ctx, func(t *tx) (int64, error) {
		if err := t.leaveAtCA(a, "r.id IN ("+those+")", millis(before), portion); err != nil {
			return 0, err
		}
		n, err := t.exec("DELETE FROM requests WHERE id IN ("+those+")", millis(before), portion)
		return n, t.retained(a, "csr-delete", n, "request", before, err)
	})
	return n, failed(err, "deleting requests")
}

// retained writes the event of a portion.
func (t *tx) retained(a Actor, action string, n int64, thing string, before time.Time, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return t.event(a, "", EventText{Action: action, Detail: fmt.Sprintf("%s from before %s", plural.Of(n, thing), before.UTC().Format(time.RFC3339))})
}

// inPortions repeats a change until it finds less than a portion. A rehearsal
// would find the same one again.
func (s *Store) inPortions(ctx context.Context, work func(*tx) (int64, error)) (total int64, err error) {
	for {
		var n int64
		err := s.change(ctx, func(t *tx) (err error) {
			n, err = work(t)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; n < portion || s.rehearsing {
			return total, nil
		}
	}
}

// Prunable is what PruneEvents would delete.
type Prunable struct {
	Events      int64
	First, Last time.Time // zero when there are none
}

// firstKept is the id of the first event that is not older than a time: the
// events before it are a beginning of the record, whatever the clock did. One
// that lies in the future was written while the clock was wrong, and is as old as
// its neighbours: it goes when one behind it is old.
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
