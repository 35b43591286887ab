package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// LastEvent is the id of the newest event of any process, 0 when there is none.
// It costs microseconds, so that who waits for a change may ask often.
func (s *Reader) LastEvent(ctx context.Context) (id int64, err error) {
	err = s.point(ctx, "SELECT coalesce(max(id), 0) FROM events", nil, &id)
	return id, failed(err, "looking for new events")
}

// EventsAfter yields the events that came after the one with the id, in their
// order, but only the id, the device and the action of each. What one
// transaction has changed can be seen before or together with its events.
func (s *Reader) EventsAfter(ctx context.Context, id int64) iter.Seq2[Event, error] {
	q := query{selection: "SELECT id, device, action FROM events", order: "id"}
	q.where("id > ?", id)
	return stream(ctx, s, "reading new events", q, func(e *Event) []any { return []any{&e.ID, &e.Device, &e.Action} })
}

// Wait is a request that waits for its issuer, under the operation that is
// scheduled for its device.
type Wait struct {
	RequestID   int64
	CompletesBy time.Time // of the operation, zero for no limit
}

const selectWait = "SELECT r.id, d.completes_by FROM requests AS r JOIN devices AS d ON d.id = r.device_id"

func (w *Wait) fields() []any { return []any{&w.RequestID, (*instant)(&w.CompletesBy)} }

// Waiting returns how a request waits. ErrNotFound: it does not wait any more,
// since it is decided about or deleted, or its operation has been changed.
func (s *Reader) Waiting(ctx context.Context, requestID int64) (Wait, error) {
	var w Wait
	err := s.point(ctx, selectWait+" WHERE r.id = ? AND r.state = 'pending'", []any{requestID}, w.fields()...)
	return w, failed(err, "looking whether request %d waits", requestID)
}

// WaitingRequests are all requests that wait, by their ids.
func (s *Reader) WaitingRequests(ctx context.Context) (map[int64]Wait, error) {
	q := query{selection: selectWait}
	q.where("r.state = 'pending'") // as in the index requests_pending
	waits := map[int64]Wait{}
	for w, err := range stream(ctx, s, "reading the requests that wait", q, (*Wait).fields) {
		if err != nil {
			return nil, err
		}
		waits[w.RequestID] = w
	}
	return waits, nil
}

// RequestByKey returns the request for a key, by the SHA-256 of its
// SubjectPublicKeyInfo. Should several have sent it, that of the device is
// preferred which the name is, or ends in behind a hyphen, as the names of MICs
// do; then the newest. ErrNotFound: no phone has sent it.
func (s *Reader) RequestByKey(ctx context.Context, hash []byte, name string) (Request, error) {
	var r Request
	err := s.point(ctx, "SELECT "+requestColumns+` FROM requests WHERE key_hash = ?
		ORDER BY (device = ? OR '-' || device = substr(?, -1 - length(device))) DESC, id DESC LIMIT 1`, []any{hash, name, name}, r.fields()...)
	if err != nil {
		return Request{}, failed(err, "looking for the request of a key")
	}
	return r, nil
}

// LSCOfRequest returns the LSC that was made for a request. ErrNotFound: there
// is none.
func (s *Reader) LSCOfRequest(ctx context.Context, requestID int64) (LSC, error) {
	var l LSC
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs AS l WHERE request_id = ?", []any{requestID}, l.fields()...)
	if err != nil {
		return LSC{}, failed(err, "reading the LSC of request %d", requestID)
	}
	return l, nil
}

// LSCBySerial returns the LSC that an issuer has given a serial. ErrNotFound:
// there is none.
func (s *Reader) LSCBySerial(ctx context.Context, issuer, serial string) (LSC, error) {
	var l LSC
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs AS l WHERE serial = ? AND issuer = ?", []any{plainSerial(serial), issuer}, l.fields()...)
	if err != nil {
		return LSC{}, failed(err, "reading the LSC %q", serial)
	}
	return l, nil
}

// ImportedLSC is a certificate that an operator brings back from a CA.
type ImportedLSC struct {
	RequestID int64
	LSC       LSC // ids, device, key kind, state and times but the validity are the store's
}

// Kept is how many certificates ImportLSCs has kept.
type Kept struct {
	Issued int
	Stale  int // for requests that newer ones have overtaken
}

// ImportLSCs keeps all certificates that next yields, or none, in one
// transaction. An LSC for a pending request is issued, and a phone that waits
// gets it; one for a superseded request is stale. Other writers wait
// meanwhile, so next must be quick; it is called once for each certificate.
// ErrConflict: a request has got its LSC or been rejected since the import was
// planned, or an issuer has used a serial before; ErrNotFound: a request has
// been deleted. Nothing has been kept then.
func (s *Store) ImportLSCs(ctx context.Context, a Actor, next func() (ImportedLSC, bool, error)) (kept Kept, err error) {
	err = s.changeOnce(ctx, func(t *tx) error {
		for {
			one, ok, err := next()
			if err != nil || !ok {
				return err
			}
			state, err := t.importLSC(a, one)
			if err != nil {
				return fmt.Errorf("request %d: %w", one.RequestID, err)
			}
			if state == LSCIssued {
				kept.Issued++
			} else {
				kept.Stale++
			}
		}
	})
	if err != nil {
		return Kept{}, failed(err, "importing certificates")
	}
	return kept, nil
}

func (t *tx) importLSC(a Actor, one ImportedLSC) (LSCState, error) {
	l := one.LSC
	l.RequestID = one.RequestID
	state := LSCIssued
	err := t.row("UPDATE requests SET state = 'issued' WHERE id = ? AND state = 'pending' RETURNING device_id, device, key_kind", l.RequestID).
		Scan((*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
	if err == ErrNotFound {
		state = LSCStale
		err = t.overtaken(&l)
	}
	if err != nil {
		return state, err
	}
	if err := t.attach(&l, state); err != nil {
		return state, err
	}
	detail := "serial " + l.Serial
	if state == LSCStale {
		detail += ", stale: the request is superseded"
		if err := t.revokeLike(a, &l); err != nil {
			return state, err
		}
	}
	return state, t.event(a, l.Device, EventText{Action: "offline-import", Step: "issue", Detail: detail})
}

// overtaken fills in what is known of the superseded request of l.
func (t *tx) overtaken(l *LSC) error {
	var state string
	err := t.row("SELECT state, device_id, device, key_kind FROM requests WHERE id = ?", l.RequestID).
		Scan(&state, (*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
	if err == nil && RequestState(state) != RequestSuperseded {
		err = conflict("it is %s now", state)
	}
	return err
}
