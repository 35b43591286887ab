package store

import (
	"context"
	"iter"
	"time"
)

// LSCFilter limits a list of LSCs; what is empty or nil does not limit.
type LSCFilter struct {
	Device        string // a name, or a pattern with * and ?; case does not matter
	State         LSCState
	Serial        string     // with or without colons and leading zeros, in either case
	ExpiresBefore *time.Time // the end of the validity
	EndedBefore   *time.Time // when it became stale, replaced or deleted
}

const lscColumns = `id, request_id, device_id, device, serial, subject, issuer, key_kind, not_before, not_after,
	state, issued_at, installed_at, ended_at, fingerprint, certificate`

func (l *LSC) fields() []any {
	return []any{&l.ID, &l.RequestID, (*optional)(&l.DeviceID), &l.Device, &l.Serial, &l.Subject, &l.Issuer, &l.KeyKind,
		(*bound)(&l.NotBefore), (*bound)(&l.NotAfter), (*string)(&l.State), (*instant)(&l.IssuedAt),
		(*instant)(&l.InstalledAt), (*instant)(&l.EndedAt), &l.Fingerprint, &l.Certificate}
}

// attach inserts the certificate of a request.
func (t *tx) attach(l *LSC, state LSCState) (err error) {
	l.Serial = plainSerial(l.Serial)
	l.State, l.IssuedAt, l.InstalledAt, l.EndedAt = state, t.now, time.Time{}, time.Time{}
	if state == LSCStale {
		l.EndedAt = t.now
	}
	l.ID, err = t.insert(`INSERT INTO lscs (request_id, device_id, device, serial, subject, issuer, key_kind, not_before,
		not_after, state, issued_at, ended_at, fingerprint, certificate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		l.RequestID, orNull(l.DeviceID), l.Device, l.Serial, l.Subject, l.Issuer, l.KeyKind, millis(l.NotBefore),
		millis(l.NotAfter), string(state), millis(l.IssuedAt), millis(l.EndedAt), l.Fingerprint, l.Certificate)
	return err
}

// LSCs yields LSCs, oldest first; those that ExpiresBefore limits, by the end
// of their validity.
func (s *Store) LSCs(ctx context.Context, f LSCFilter) iter.Seq2[LSC, error] {
	return stream(ctx, s, "reading LSCs", f.query(), (*LSC).fields)
}

// CountLSCs counts what LSCs yields.
func (s *Store) CountLSCs(ctx context.Context, f LSCFilter) (int64, error) {
	n, err := s.count(ctx, "lscs", f.query())
	return n, failed(err, "counting LSCs")
}

func (f LSCFilter) query() query {
	q := query{selection: "SELECT " + lscColumns + " FROM lscs", order: "id"}
	q.ofDevice(f.Device)
	switch f.State {
	case "":
	case LSCStale:
		q.where("state = 'stale'") // word for word as in the index lscs_stale
	default:
		q.where("state = ?", string(f.State))
	}
	if f.Serial != "" {
		q.where("serial = ?", plainSerial(f.Serial))
	}
	if f.EndedBefore != nil {
		q.where("ended_at > 0 AND ended_at < ?", millis(*f.EndedBefore))
	}
	if f.ExpiresBefore != nil {
		q.where("not_after < ?", millis(*f.ExpiresBefore))
		q.order = "not_after, id"
	}
	return q
}

// LSC returns the LSC with the serial, written with or without colons and
// leading zeros, in either case; the newest, should two issuers have used it.
// ErrNotFound: there is none.
func (s *Store) LSC(ctx context.Context, serial string) (LSC, error) {
	var l LSC
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs WHERE serial = ? ORDER BY id DESC LIMIT 1",
		[]any{plainSerial(serial)}, l.fields()...)
	if err != nil {
		return LSC{}, failed(err, "reading the LSC %q", serial)
	}
	return l, nil
}

// DeleteStale deletes stale LSCs, all of them when serials is nil, and returns
// how many. Either all are deleted or none: ErrNotFound names the serial that
// there is not, ErrConflict the one whose LSC is not stale. One that is named
// twice, however it is written, counts once. There is an event for each LSC, or
// one for all.
func (s *Store) DeleteStale(ctx context.Context, a Actor, serials []string) (n int64, err error) {
	err = s.change(ctx, func(t *tx) (err error) {
		n = 0
		if serials == nil {
			n, err = t.exec("DELETE FROM lscs WHERE state = 'stale'")
			return t.allDeleted(a, "stale-lsc-delete", n, "stale LSC", err)
		}
		seen := map[string]bool{}
		for _, serial := range serials {
			if seen[plainSerial(serial)] {
				continue
			}
			seen[plainSerial(serial)] = true
			deleted, err := t.deleteStale(a, serial)
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

// deleteStale deletes more than one only when two issuers have used the serial.
func (t *tx) deleteStale(a Actor, serial string) (int64, error) {
	devices, err := rowsOf(t, query{selection: "DELETE FROM lscs WHERE serial = ? AND state = 'stale' RETURNING device", args: []any{plainSerial(serial)}},
		func(device *string) []any { return []any{device} })
	if err != nil {
		return 0, err
	}
	for _, device := range devices {
		if err := t.event(a, device, EventText{Action: "stale-lsc-delete", Detail: plainSerial(serial)}); err != nil {
			return 0, err
		}
	}
	if len(devices) > 0 {
		return int64(len(devices)), nil
	}
	var state string
	if err := t.row("SELECT state FROM lscs WHERE serial = ?", plainSerial(serial)).Scan(&state); err != nil {
		return 0, failed(err, "LSC %q", serial)
	}
	return 0, conflict("the LSC %q is %s", serial, state)
}
