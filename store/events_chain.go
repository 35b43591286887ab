package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/store/engine"
)

// chainHash is the hash of an event, by which the next one refers to it.
type chainHash [sha256.Size]byte

// link is the hash of an event that follows the one with the hash before. The
// hash is SHA-256 over, in this order and without anything between:
//
//	the hash of the event before, 32 bytes; 32 zeros before the first one
//	the id and the time (milliseconds since 1970 UTC), 8 bytes each, big-endian
//	the kind and the name of the actor, the address, the terminal, the command,
//	the device, the action, the step, the outcome and the detail: for each of
//	these texts its length in bytes, 4 bytes big-endian, and the text in UTF-8
//
// The lengths keep a letter from moving from one field to the next unnoticed.
func (e *Event) link(before chainHash, scratch []byte) (chainHash, []byte) {
	b := append(scratch[:0], before[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.ID))
	b = binary.BigEndian.AppendUint64(b, uint64(millis(e.At)))
	a := &e.Actor
	for _, text := range [...]string{
		string(a.Kind), a.Name, a.Address, a.Terminal, a.Command, e.Device, e.Action, e.Step, e.Outcome, e.Detail,
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	return sha256.Sum256(b), b
}

// chainHead is the end of the chain as a transaction sees it. It is read at
// the first event of the transaction, since other processes write events too,
// and written back once, before the commit.
type chainHead struct {
	known bool // it has been read
	moved bool // it has to be written
	id    int64
	hash  chainHash
}

// follow gives an event the next id and adds it to the chain.
func (t *tx) follow(e *Event) error {
	if err := t.readHead(); err != nil {
		return err
	}
	e.ID = t.head.id + 1
	hash, scratch := e.link(t.head.hash, t.scratch)
	t.scratch = scratch
	_, err := t.exec("INSERT INTO events ("+eventColumns+", hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		e.ID, millis(e.At), string(e.Actor.Kind), e.Actor.Name, e.Actor.Address, e.Actor.Terminal, e.Actor.Command,
		e.Device, e.Action, e.Step, e.Outcome, e.Detail, hash[:])
	if err != nil {
		return err
	}
	t.head = chainHead{known: true, moved: true, id: e.ID, hash: hash}
	return nil
}

// readHead also looks at the rows. A row that somebody has slipped in after
// the head is for VerifyEvents to find, and must not keep capf from working.
func (t *tx) readHead() error {
	if t.head.known {
		return nil
	}
	var hash []byte
	var last int64
	err := t.row("SELECT head_id, head_hash, coalesce((SELECT max(id) FROM events), 0) FROM event_chain").
		Scan(&t.head.id, &hash, &last)
	if err == ErrNotFound {
		err = ErrDamaged
	}
	if err != nil {
		return fmt.Errorf("reading the end of the record: %w", err)
	}
	t.head.known, t.head.id = true, max(t.head.id, last)
	copy(t.head.hash[:], hash)
	return nil
}

// writeHead is the last statement of a transaction with events.
func (t *tx) writeHead() error {
	if !t.head.moved {
		return nil
	}
	_, err := t.exec("UPDATE event_chain SET head_id = ?, head_hash = ?", t.head.id, t.head.hash[:])
	return err
}

// ChainFault is the first event that was tampered with.
type ChainFault struct {
	ID   int64     // the event, or the first of those that are missing
	At   time.Time // zero when it is missing
	Text string    // what is wrong, in a few words
}

// ChainReport is what VerifyEvents found.
type ChainReport struct {
	Events int64  // intact ones, up to the first fault
	Pruned int64  // the id of the last event that was pruned, 0 for none
	Head   []byte // the hash of the last of them, SHA-256
	Last   int64  // the id of the last of them
	// Sealed is the last event after which serve sealed the record, 0 for none,
	// and SealedAt the time of that.
	Sealed   int64
	SealedAt time.Time
	Fault    *ChainFault // nil when the whole record is intact
}

// VerifyEvents follows the chain of events from beginning to end and finds the first
// event that somebody has changed, removed, added or moved. It holds one event in
// memory. Somebody who can write to the database and knows the encoding can forge a
// whole chain; so holds, unless it is nil, reports whether a checkpoint was sealed with
// its hash under a key that the forger lacks. An error means that reading failed, never
// that something was found.
func (s *Reader) VerifyEvents(ctx context.Context, holds func(Checkpoint) bool) (ChainReport, error) {
	r, err := s.verifyEvents(ctx, holds)
	return r, failed(err, "verifying the events")
}

func (s *Reader) verifyEvents(ctx context.Context, holds func(Checkpoint) bool) (ChainReport, error) {
	// Read before the events: a later checkpoint would be about events that are
	// not examined.
	checkpoints, err := s.Checkpoints(ctx)
	if err != nil {
		return ChainReport{}, err
	}
	// One transaction, so that head and rows are from one moment.
	t, err := s.lists.db.BeginTx(ctx, nil)
	if err != nil {
		return ChainReport{}, err
	}
	defer t.Rollback() // nothing has been written
	var anchor, head int64
	var anchorHash, headHash []byte
	err = t.QueryRowContext(ctx, "SELECT anchor_id, head_id, anchor_hash, head_hash FROM event_chain").
		Scan(&anchor, &head, &anchorHash, &headHash)
	if errors.Is(err, sql.ErrNoRows) {
		return ChainReport{Fault: &ChainFault{Text: "and all others cannot be told: where the record begins and ends has been removed"}}, nil
	}
	if err != nil {
		return ChainReport{}, err
	}
	v := verifier{ChainReport: ChainReport{Pruned: anchor}, last: anchor}
	copy(v.hash[:], anchorHash)
	if holds != nil {
		v.holds, v.checkpoints = holds, checkpoints
	}
	err = v.run(ctx, t)
	if err == nil && v.Fault == nil {
		v.conclude(head, headHash)
		v.missing()
	}
	v.Head, v.Last = v.hash[:], v.last
	return v.ChainReport, err
}

// verifier walks along the chain.
type verifier struct {
	ChainReport
	last    int64     // the id of the event before
	hash    chainHash // its hash
	pruning bool      // the event of one has been seen
	scratch []byte

	holds       func(Checkpoint) bool
	checkpoints []Checkpoint // of events not yet reached
}

func (v *verifier) run(ctx context.Context, t *sql.Tx) error {
	rows, err := t.QueryContext(ctx, "SELECT "+eventColumns+", hash FROM events ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for v.Fault == nil && rows.Next() {
		var e Event
		var hash []byte
		if err := rows.Scan(append(e.fields(), &hash)...); err != nil {
			return err
		}
		v.event(&e, hash)
	}
	return rows.Err()
}

func (v *verifier) event(e *Event, hash []byte) {
	var want chainHash
	want, v.scratch = e.link(v.hash, v.scratch)
	switch {
	case e.ID <= v.last:
		v.Fault = &ChainFault{e.ID, e.At, "was added before the beginning of the record"}
	case e.ID == v.last+2:
		v.Fault = &ChainFault{v.last + 1, time.Time{}, "was removed"}
	case e.ID > v.last+1:
		v.Fault = &ChainFault{v.last + 1, time.Time{}, fmt.Sprintf("and those up to %d were removed", e.ID-1)}
	case !slices.Equal(hash, want[:]):
		v.Fault = &ChainFault{e.ID, e.At, "was changed, or is not the one that followed the event before it"}
	default:
		v.last, v.hash = e.ID, want
		v.pruning = v.pruning || e.Action == pruneAction
		v.Events++
		v.checkpoint(e)
	}
}

// conclude compares the end of the rows with the end of the chain.
func (v *verifier) conclude(head int64, hash []byte) {
	switch {
	case v.last < head:
		v.Fault = &ChainFault{v.last + 1, time.Time{}, fmt.Sprintf("and those up to %d, the last one, were removed", head)}
	case v.last > head:
		v.Fault = &ChainFault{head + 1, time.Time{}, "was added behind the end of the record"}
	case !slices.Equal(v.hash[:], hash):
		v.Fault = &ChainFault{v.last, time.Time{}, "is not the one with which the record ended"}
	case v.Pruned > 0 && !v.pruning:
		v.Fault = &ChainFault{v.Pruned, time.Time{}, "and those before it were removed, and no event tells of a pruning"}
	}
}

// chainOldEvents gives the events of an older schema their hashes. It reads
// in portions, since no statement may write to a table while another reads
// it.
func chainOldEvents(ctx context.Context, t engine.Executor) error {
	const atOnce = 1000
	var v verifier
	for {
		events, err := eventsAfter(ctx, t, v.last, atOnce)
		if err != nil {
			return err
		}
		for _, e := range events {
			v.hash, v.scratch = e.link(v.hash, v.scratch)
			v.last = e.ID
			if _, err := t.ExecContext(ctx, "UPDATE events SET hash = ? WHERE id = ?", v.hash[:], e.ID); err != nil {
				return err
			}
		}
		if len(events) < atOnce {
			break
		}
	}
	_, err := t.ExecContext(ctx, "UPDATE event_chain SET head_id = ?, head_hash = ?", v.last, v.hash[:])
	return err
}

func eventsAfter(ctx context.Context, t engine.Executor, id int64, limit int) (list []Event, err error) {
	rows, err := t.QueryContext(ctx, "SELECT "+eventColumns+" FROM events WHERE id > ? ORDER BY id LIMIT ?", id, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Event
		if err := rows.Scan(e.fields()...); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}
