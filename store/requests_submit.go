package store

import (
	"cmp"
	"context"
	"time"
)

// SubmitRequest keeps a key for an issuer that answers later. What the device
// had pending is superseded, what it had not confirmed is stale. The id, the
// device's name, the time and the state of r are the store's. ErrConflict: the
// device has gone, or its operation has changed since r.Schedule. ErrOvertaken: a
// later session has submitted one. KeyTaken: the key is another device's.
func (s *Store) SubmitRequest(ctx context.Context, a Actor, r Request) (Request, error) {
	err := s.change(ctx, func(t *tx) error {
		if err := submitRequest(t, &r, RequestPending); err != nil {
			return err
		}
		if r.Issuer == onlineCA {
			if err := queueOnline(t, &r); err != nil {
				return err
			}
		}
		return t.event(a, r.Device, EventText{Action: "enroll", Step: "submit", Detail: r.KeyKind + " for " + r.Issuer + r.vouched() + r.warned()})
	})
	if err != nil {
		return Request{}, failed(err, "keeping the request of device %q", r.Device)
	}
	return r, nil
}

// submitRequest makes the request the newest of its device.
func submitRequest(t *tx, r *Request, state RequestState) error {
	var schedule int64
	var operation Operation
	var p unconfirmedCount
	err := t.row("SELECT name, schedule, operation, unconfirmed, locked_until, locked_for FROM devices WHERE id = ?", r.DeviceID).
		Scan(append([]any{&r.Device, &schedule, (*string)(&operation)}, p.fields()...)...)
	switch {
	case err == ErrNotFound:
		return conflict("the device has been deleted")
	case err != nil:
		return err
	case schedule != r.Schedule:
		return conflict("the operation of the device has been changed")
	case operation != Install && r.Voucher.Kind != "":
		// The phone authenticated for an operation that another session has
		// completed since: keeping one open gains nothing.
		return conflict("another session has completed the operation")
	case p.locked(t.now):
		return conflict("it is locked until %s", p.lockedUntil.Format(time.RFC3339))
	}
	if later, err := hasBeenOvertaken(t, r.DeviceID, r.Session); err != nil || later {
		return cmp.Or(err, ErrOvertaken)
	}
	if err := mustStillVouch(t, *r); err != nil {
		return err
	}
	if err := mustBeItsOwnKey(t, *r); err != nil {
		return err
	}
	overtaken, err := overtakePending(t, r.DeviceID)
	if err != nil {
		return err
	}
	if err := limitUnconfirmed(t, *r, p, overtaken); err != nil {
		return err
	}
	r.State, r.CreatedAt = state, t.now
	r.ID, err = t.insert(`INSERT INTO requests (device_id, device, created_at, schedule, state, issuer, key_kind, possessed,
		reason, address, voucher, voucher_fingerprint, session, key_hash, public_key, csr) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.DeviceID, r.Device, millis(t.now), r.Schedule, string(state), r.Issuer, r.KeyKind, r.Possessed,
		r.Reason, r.Address, string(r.Voucher.Kind), orEmpty(r.Voucher.Fingerprint), r.Session, r.KeyHash, r.PublicKey, r.CSR)
	return err
}

// hasBeenOvertaken reports whether a session of the device later than the numbered one
// has sent a key. The last stored request is the one of the latest session, since
// submit takes no other.
func hasBeenOvertaken(t *tx, deviceID, session int64) (bool, error) {
	var last int64
	err := t.row("SELECT session FROM requests WHERE device_id = ? ORDER BY id DESC LIMIT 1", deviceID).Scan(&last)
	if err == ErrNotFound {
		return false, nil
	}
	return last > session, err
}

// mustBeItsOwnKey refuses a public key that another device has ever sent, whatever
// became of it: two devices with one key could impersonate each other. Deleted devices
// do not count: the same phone may be back under a new name.
func mustBeItsOwnKey(t *tx, r Request) error {
	var other string
	err := t.row("SELECT device FROM requests WHERE key_hash = ? AND device_id <> ? LIMIT 1", r.KeyHash, r.DeviceID).Scan(&other)
	switch {
	case err == ErrNotFound:
		return nil
	case err != nil:
		return err
	}
	return &KeyTaken{other}
}

// mustStillVouch refuses a request whose phone authenticated with an LSC that has
// been revoked since.
func mustStillVouch(t *tx, r Request) error {
	if r.Voucher.Kind != VouchedByLSC {
		return nil
	}
	var state LSCState
	var id int64
	err := t.row("SELECT id, state FROM lscs WHERE device_id = ? AND fingerprint = ?", r.DeviceID, r.Voucher.Fingerprint).Scan(&id, (*string)(&state))
	switch {
	case err == ErrNotFound:
		return conflict("the LSC with which it authenticated has been deleted")
	case err != nil:
		return err
	case !state.Authenticates():
		return conflict("the LSC with which it authenticated is %s", state)
	case state != LSCInstalled:
		return mustNotBeOutlived(t, id)
	}
	return nil
}

// vouched returns the text of an event about the voucher.
func (r *Request) vouched() string {
	if r.Voucher.Kind == "" {
		return ""
	}
	return ", vouched for by " + r.Voucher.String()
}

// warned returns the text of an event about the key.
func (r *Request) warned() string {
	if r.Warning == "" {
		return ""
	}
	return "; warning: " + r.Warning
}

// overtakePending supersedes the device's pending request, makes its unconfirmed LSC
// stale, and returns how many there were.
func overtakePending(t *tx, deviceID int64) (int64, error) {
	pending, err := t.exec("UPDATE requests SET state = 'superseded' WHERE device_id = ? AND state = 'pending'", deviceID)
	if err != nil {
		return 0, err
	}
	issued, err := t.exec("UPDATE lscs SET state = 'stale', ended_at = ? WHERE device_id = ? AND state = 'issued'", millis(t.now), deviceID)
	return pending + issued, err
}

// outdateRequests supersedes what waits for an operation that is not its device's any
// more: of one device or, for the id 0, of all. Who changes schedules calls it
// in the same transaction, so that a pending request is always of the operation
// that is scheduled, whoever looks at it next: a phone, an import or an export.
func outdateRequests(t *tx, deviceID int64) error {
	q := query{selection: "UPDATE requests SET state = 'superseded', reason = 'the operation of the device was changed'"}
	q.where("state = 'pending'")
	if deviceID != 0 {
		q.where("device_id = ?", deviceID)
	}
	q.where("EXISTS (SELECT 1 FROM devices AS d WHERE d.id = requests.device_id AND d.schedule <> requests.schedule)")
	_, err := t.exec(q.String(), q.args...)
	return err
}
