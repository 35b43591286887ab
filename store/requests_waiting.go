package store

import (
	"context"
	"time"
)

// Wait is a request that waits for its issuer, under the operation that is
// scheduled for its device.
type Wait struct {
	RequestID   int64
	CompletesBy time.Time // of the operation, zero for no limit
}

const selectWait = "SELECT r.id, d.completes_by FROM requests AS r JOIN devices AS d ON d.id = r.device_id"

func (w *Wait) fields() []any { return []any{&w.RequestID, (*instant)(&w.CompletesBy)} }

// Waiting returns how a request waits. ErrNotFound: it no longer waits, since
// it was decided or deleted, or its operation was changed.
func (s *Reader) Waiting(ctx context.Context, requestID int64) (Wait, error) {
	var w Wait
	err := s.point(ctx, selectWait+" WHERE r.id = ? AND r.state = 'pending'", []any{requestID}, w.fields()...)
	return w, failed(err, "looking whether request %d waits", requestID)
}

// WaitingRequests returns all waiting requests by id.
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
