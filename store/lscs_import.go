package store

import (
	"context"
	"fmt"
)

// ImportedLSC is a certificate that an operator imports from a CA.
type ImportedLSC struct {
	RequestID int64
	LSC       LSC // the store sets ids, device, key kind, state and times but the validity
}

// Kept says how many certificates ImportLSCs has stored.
type Kept struct {
	Issued int
	Stale  int // for superseded requests
}

// ImportLSCs stores all certificates that next yields, or none, in one
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
			state, err := importLSC(t, a, one)
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

func importLSC(t *tx, a Actor, one ImportedLSC) (LSCState, error) {
	l := one.LSC
	l.RequestID = one.RequestID
	state := LSCIssued
	err := t.row("UPDATE requests SET state = 'issued' WHERE id = ? AND state = 'pending' RETURNING device_id, device, key_kind", l.RequestID).
		Scan((*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
	if err == ErrNotFound {
		state = LSCStale
		err = overtakenLSC(t, &l)
	}
	if err != nil {
		return state, err
	}
	if err := attachLSC(t, &l, state); err != nil {
		return state, err
	}
	detail := "serial " + l.Serial
	if state == LSCStale {
		detail += ", stale: the request is superseded"
		if err := revokeLike(t, a, &l); err != nil {
			return state, err
		}
	}
	return state, t.event(a, l.Device, EventText{Action: "offline-import", Step: "issue", Detail: detail})
}

// overtakenLSC fills in what is known of the superseded request of l.
func overtakenLSC(t *tx, l *LSC) error {
	var state string
	err := t.row("SELECT state, device_id, device, key_kind FROM requests WHERE id = ?", l.RequestID).
		Scan(&state, (*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
	if err == nil && RequestState(state) != RequestSuperseded {
		err = conflict("it is %s now", state)
	}
	return err
}
