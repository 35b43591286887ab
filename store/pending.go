package store

import (
	"context"
	"fmt"
)

// Revision is a number that changes when any process has changed the database.
// It costs almost nothing to ask, so that who waits for a change may ask often.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	s.watch.Lock()
	defer s.watch.Unlock()
	if s.watcher == nil {
		conn, err := s.lists.db.Conn(ctx)
		if err != nil {
			return 0, failed(err, "watching the database")
		}
		s.watcher = conn
	}
	var n int64
	// The number is that of the connection, and counts the changes of others.
	err := s.watcher.QueryRowContext(ctx, "PRAGMA data_version").Scan(&n)
	return n, failed(err, "watching the database")
}

// PendingRequests are the ids of all requests that wait for an issuer.
func (s *Store) PendingRequests(ctx context.Context) (map[int64]bool, error) {
	rows, err := s.lists.db.QueryContext(ctx, "SELECT id FROM requests WHERE state = 'pending'")
	if err != nil {
		return nil, failed(err, "reading the pending requests")
	}
	defer rows.Close()
	ids := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, failed(err, "reading the pending requests")
		}
		ids[id] = true
	}
	return ids, failed(rows.Err(), "reading the pending requests")
}

// RequestByKey returns the newest request for a key, by the SHA-256 of its
// SubjectPublicKeyInfo. ErrNotFound: no phone has sent it.
func (s *Store) RequestByKey(ctx context.Context, hash []byte) (Request, error) {
	var r Request
	err := s.point(ctx, "SELECT "+requestColumns+" FROM requests WHERE key_hash = ? ORDER BY id DESC LIMIT 1", []any{hash}, r.fields()...)
	if err != nil {
		return Request{}, failed(err, "looking for the request of a key")
	}
	return r, nil
}

// LSCOfRequest returns the LSC that was made for a request. ErrNotFound: there
// is none.
func (s *Store) LSCOfRequest(ctx context.Context, requestID int64) (LSC, error) {
	var l LSC
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs WHERE request_id = ?", []any{requestID}, l.fields()...)
	if err != nil {
		return LSC{}, failed(err, "reading the LSC of request %d", requestID)
	}
	return l, nil
}

// LSCBySerial returns the LSC that an issuer has given a serial. ErrNotFound:
// there is none.
func (s *Store) LSCBySerial(ctx context.Context, issuer, serial string) (LSC, error) {
	var l LSC
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs WHERE serial = ? AND issuer = ?", []any{plainSerial(serial), issuer}, l.fields()...)
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

// ImportLSCs keeps all certificates that next yields, or none, in one
// transaction. An LSC for a pending request is issued, and a phone that waits
// gets it; one for a superseded request is stale. Next is called inside the
// transaction and must be quick. ErrConflict: a request has moved on since the
// import was planned, or a serial has been used before; then nothing has been
// kept.
func (s *Store) ImportLSCs(ctx context.Context, a Actor, next func() (ImportedLSC, bool, error)) (n int64, err error) {
	err = s.changeOnce(ctx, func(t *tx) error {
		n = 0
		for {
			one, ok, err := next()
			if err != nil || !ok {
				return err
			}
			if err := t.importLSC(a, one); err != nil {
				return fmt.Errorf("request %d: %w", one.RequestID, err)
			}
			n++
		}
	})
	if err != nil {
		return 0, failed(err, "importing certificates")
	}
	return n, nil
}

func (t *tx) importLSC(a Actor, one ImportedLSC) error {
	l := one.LSC
	var state string
	err := t.row("SELECT state, device_id, device, key_kind FROM requests WHERE id = ?", one.RequestID).
		Scan(&state, (*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
	if err != nil {
		return err
	}
	l.RequestID = one.RequestID
	detail := "serial " + l.Serial
	switch RequestState(state) {
	case RequestPending:
		if _, err := t.exec("UPDATE requests SET state = 'issued' WHERE id = ?", l.RequestID); err != nil {
			return err
		}
		err = t.attach(&l, LSCIssued)
	case RequestSuperseded:
		detail += ", stale: the phone has made a newer key"
		err = t.attach(&l, LSCStale)
	default:
		return conflict("it is %s now", state)
	}
	if err != nil {
		return err
	}
	return t.event(a, l.Device, EventText{Action: "offline-import", Step: "issue", Detail: detail})
}
