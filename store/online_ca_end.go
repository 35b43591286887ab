package store

import (
	"context"
	"fmt"
)

// EndOnline ends a request without an LSC. Unless a newer one has overtaken it,
// the request is rejected with the reason, and the device has the status,
// should its operation still be the one. ErrConflict: another process has taken
// it, or it has been deleted.
func (s *Store) EndOnline(ctx context.Context, a Actor, o OnlineRequest, reason string, status Status) error {
	err := s.change(ctx, func(t *tx) error {
		if err := noteOnline(t, o); err != nil {
			return err
		}
		return rejectOnline(t, a, o, reason, status)
	})
	return failed(err, "ending request %d to the online CA", o.RequestID)
}

func rejectOnline(t *tx, a Actor, o OnlineRequest, reason string, status Status) error {
	var r Request
	err := t.row("UPDATE requests SET state = 'rejected', reason = ? WHERE id = ? AND state = 'pending' RETURNING device_id, device, schedule",
		reason, o.RequestID).Scan((*optional)(&r.DeviceID), &r.Device, &r.Schedule)
	switch {
	case err == ErrNotFound: // superseded; what the CA said is still worth a line
		if err := t.row("SELECT device FROM requests WHERE id = ?", o.RequestID).Scan(&r.Device); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := setStatus(t, r.DeviceID, r.Schedule, status); err != nil {
			return err
		}
	}
	return t.event(a, r.Device, EventText{Action: "csr-reject", Step: "issue", Outcome: string(o.State), Detail: reason})
}

// WithdrawOnline ends requests that have not been sent: the one with the id, or
// all for the id 0. It returns how many.
func (s *Store) WithdrawOnline(ctx context.Context, a Actor, requestID int64, reason string) (n int, err error) {
	err = s.change(ctx, func(t *tx) error {
		queued, err := rowsOf(t, unsent(requestID), (*OnlineRequest).fields)
		if err != nil {
			return err
		}
		for _, o := range queued {
			o.State = OnlineWithdrawn
			if err := noteOnline(t, o); err != nil {
				return err
			}
			if err := rejectOnline(t, a, o, reason, ""); err != nil {
				return err
			}
		}
		n = len(queued)
		return nil
	})
	if err != nil {
		return 0, failed(err, "withdrawing requests to the online CA")
	}
	return n, nil
}

func unsent(requestID int64) query {
	q := query{selection: "SELECT " + onlineColumns + " FROM online_requests"}
	if requestID != 0 {
		q.where("request_id = ?", requestID)
	} else {
		q.where(isOnlineOpen)
	}
	q.where("state = 'queued'")
	return q
}

// IssueOnline keeps the LSC that the online CA has made, and the issuers that
// it sent along: certificates (DER) by their SHA-256. The LSC is stale when a
// newer request has overtaken this one, or the device has been deleted or its
// operation changed.
// ErrConflict: another process has taken the request, the request has been
// rejected, or the issuer has used the serial before.
func (s *Store) IssueOnline(ctx context.Context, a Actor, o OnlineRequest, l LSC, issuers map[string][]byte) (LSC, error) {
	err := s.change(ctx, func(t *tx) error {
		o.State = OnlineIssued
		if err := noteOnline(t, o); err != nil {
			return err
		}
		state := LSCIssued
		l.RequestID = o.RequestID
		err := t.row("UPDATE requests SET state = 'issued' WHERE id = ? AND state = 'pending' RETURNING device_id, device, key_kind", o.RequestID).
			Scan((*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
		if err == ErrNotFound {
			state = LSCStale
			err = overtakenLSC(t, &l)
		}
		if err != nil {
			return err
		}
		if err := attachLSC(t, &l, state); err != nil {
			return err
		}
		if state == LSCStale {
			if err := revokeLike(t, a, &l); err != nil {
				return err
			}
		}
		for sum, der := range issuers {
			_, err := t.exec("INSERT INTO online_issuers (fingerprint, added_at, certificate) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", []byte(sum), millis(t.now), der)
			if err != nil {
				return err
			}
		}
		return t.event(a, l.Device, EventText{Action: "csr-issue", Step: "issue", Detail: issueDetail(o, l)})
	})
	if err != nil {
		return LSC{}, failed(err, "keeping the certificate of request %d", o.RequestID)
	}
	return l, nil
}

func issueDetail(o OnlineRequest, l LSC) string {
	detail := "serial " + l.Serial
	if o.CARequest != "" {
		detail += fmt.Sprintf(", request %s of the CA", o.CARequest)
	}
	if l.State != LSCIssued {
		detail += ", " + string(l.State) + ": the phone does not wait for it any more"
	}
	return detail
}
