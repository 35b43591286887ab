package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// ChainPoint is a place in the chain: after an event, with its hash. The zero
// value is the beginning.
type ChainPoint struct {
	ID   int64
	Hash []byte
}

// ChainedEvent is an event with its hash.
type ChainedEvent struct {
	Event
	Hash []byte
}

// ChainEnd is where the record ends.
func (s *Reader) ChainEnd(ctx context.Context) (p ChainPoint, err error) {
	err = s.point(ctx, "SELECT head_id, head_hash FROM event_chain", nil, &p.ID, &p.Hash)
	return p, failed(err, "looking for the end of the record")
}

// Follow yields the events after a point, in order, as long as each follows the
// one before. ErrDamaged: one does not, so somebody has rewritten the record.
func (s *Reader) Follow(ctx context.Context, from ChainPoint) iter.Seq2[ChainedEvent, error] {
	return func(yield func(ChainedEvent, error) bool) {
		var hash chainHash
		copy(hash[:], from.Hash)
		last, scratch := from.ID, []byte(nil)
		q := query{selection: "SELECT " + eventColumns + ", hash FROM events", order: "id"}
		q.where("id > ?", from.ID)
		fields := func(e *ChainedEvent) []any { return append(e.fields(), &e.Hash) }
		for e, err := range stream(ctx, s, "following the events", q, fields) {
			if err != nil {
				yield(e, err)
				return
			}
			hash, scratch = e.link(hash, scratch)
			if e.ID != last+1 || !bytes.Equal(hash[:], e.Hash) {
				yield(e, fmt.Errorf("%w: event %d does not follow event %d", ErrDamaged, e.ID, last))
				return
			}
			last = e.ID
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Checkpoint is the end of the record at some time, sealed under a key that
// the store does not know.
type Checkpoint struct {
	ChainPoint
	At   time.Time
	Seal []byte
}

// AddCheckpoint stores a checkpoint, and deletes all but the last of each earlier
// day. It writes no event. ErrConflict: the event is not in the record, or not
// with that hash.
func (s *Store) AddCheckpoint(ctx context.Context, c Checkpoint) error {
	err := s.change(ctx, func(t *tx) error {
		var hash []byte
		err := t.row("SELECT hash FROM events WHERE id = ?", c.ID).Scan(&hash)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if !bytes.Equal(hash, c.Hash) {
			return conflict("event %d is not the one", c.ID)
		}
		if _, err := t.exec("INSERT INTO event_checkpoints (event_id, at, seal) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", c.ID, millis(c.At), c.Seal); err != nil {
			return err
		}
		const day = 24 * time.Hour
		_, err = t.exec(`DELETE FROM event_checkpoints WHERE at < ? AND event_id NOT IN (
			SELECT max(event_id) FROM event_checkpoints GROUP BY at / ?)`, millis(c.At.Add(-day)), day.Milliseconds())
		return err
	})
	return failed(err, "keeping a checkpoint of the record")
}

// Checkpoints are those of the events that are still in the record, in their
// order, and those of events that should be.
func (s *Reader) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	return collect(stream(ctx, s, "reading the checkpoints of the record", query{selection: checkpointQuery}, (*Checkpoint).fields))
}

const checkpointQuery = `SELECT c.event_id, c.at, c.seal, coalesce(e.hash, x'') FROM event_checkpoints AS c
	LEFT JOIN events AS e ON e.id = c.event_id ORDER BY c.event_id`

func (c *Checkpoint) fields() []any { return []any{&c.ID, (*instant)(&c.At), &c.Seal, &c.Hash} }

// checkpoint compares an event with the checkpoint made after it.
func (v *verifier) checkpoint(e *Event) {
	i := slices.IndexFunc(v.checkpoints, func(c Checkpoint) bool { return c.ID >= e.ID })
	v.checkpoints = v.checkpoints[max(i, 0):]
	if i < 0 || v.checkpoints[0].ID != e.ID {
		return
	}
	c := v.checkpoints[0]
	v.checkpoints = v.checkpoints[1:]
	c.Hash = v.hash[:]
	if !v.holds(c) {
		v.Fault = &ChainFault{e.ID, e.At, "is not the one behind which serve sealed the record at " + c.At.UTC().Format(time.RFC3339)}
		return
	}
	v.Sealed, v.SealedAt = e.ID, c.At
}

// missing finds a checkpoint of events that no longer exist.
func (v *verifier) missing() {
	if v.Fault != nil || len(v.checkpoints) == 0 {
		return
	}
	if c := v.checkpoints[len(v.checkpoints)-1]; c.ID > v.last {
		v.Fault = &ChainFault{v.last + 1, time.Time{}, fmt.Sprintf("and those up to %d, behind which serve sealed the record at %s, were removed", c.ID, c.At.UTC().Format(time.RFC3339))}
	}
}
