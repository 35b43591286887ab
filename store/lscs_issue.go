package store

import (
	"context"
	"time"

	"capf/internal/serialnumber"
)

// NewLSC is a request with the certificate that capf made for it at once. Ids,
// device name, states and times but the validity are the store's.
type NewLSC struct {
	Request Request
	LSC     LSC
	// SignedBy is our certificate (DER) that has signed it. It must be the present
	// one or be in capf-trust: a running serve does not learn at once that it was
	// given up. nil is not checked.
	SignedBy []byte
}

// IssueLSC stores a request and its LSC, both issued. The device's pending
// request is superseded, and its unconfirmed LSC becomes stale. ErrConflict:
// the device has gone, its operation has changed since the request's Schedule,
// the issuer has used the serial before, or was given up. ErrOvertaken: a later
// session has submitted a request.
func (s *Store) IssueLSC(ctx context.Context, a Actor, n NewLSC) (LSC, error) {
	err := s.change(ctx, func(t *tx) error {
		if err := mustStand(t, n.SignedBy); err != nil {
			return err
		}
		if err := submitRequest(t, &n.Request, RequestIssued); err != nil {
			return err
		}
		n.LSC.RequestID, n.LSC.DeviceID, n.LSC.Device = n.Request.ID, n.Request.DeviceID, n.Request.Device
		if err := attachLSC(t, &n.LSC, LSCIssued); err != nil {
			return err
		}
		return t.event(a, n.LSC.Device, EventText{Action: "enroll", Step: "issue", Detail: n.LSC.KeyKind + ", serial " + n.LSC.Serial + n.Request.vouched() + n.Request.warned()})
	})
	if err != nil {
		return LSC{}, failed(err, "keeping the certificate of device %q", a.Name)
	}
	return n.LSC, nil
}

// attachLSC inserts the certificate of a request.
func attachLSC(t *tx, l *LSC, state LSCState) (err error) {
	l.Serial = serialnumber.Plain(l.Serial)
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
