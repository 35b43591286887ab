package store

import (
	"cmp"
	"context"
	"iter"
	"time"

	"capf/internal/plural"
)

// RequestFilter limits a list of requests; what is empty or nil does not limit.
type RequestFilter struct {
	Device string // a pattern, as for Matches
	State  RequestState
	Since  *time.Time
	Before *time.Time
	ID     int64
	// Bare are those of which no certificate is kept.
	Bare bool
}

const (
	requestColumns = `id, device_id, device, created_at, schedule, state, issuer, key_kind, possessed, reason,
	address, voucher, voucher_fingerprint, key_hash, public_key, csr`
	// Of an issued request the certificate may have been deleted as stale.
	isBare        = "NOT EXISTS (SELECT 1 FROM lscs WHERE lscs.request_id = requests.id)"
	selectRequest = "SELECT " + requestColumns + " FROM requests WHERE id = ?"
)

func (r *Request) fields() []any {
	return []any{&r.ID, (*optional)(&r.DeviceID), &r.Device, (*instant)(&r.CreatedAt), &r.Schedule, (*string)(&r.State),
		&r.Issuer, &r.KeyKind, &r.Possessed, &r.Reason, &r.Address, (*string)(&r.Voucher.Kind), &r.Voucher.Fingerprint,
		&r.KeyHash, &r.PublicKey, &r.CSR}
}

// SubmitRequest keeps a key for an issuer that answers later. What the device
// had pending is superseded, what it had not confirmed is stale. The id, the
// device's name, the time and the state of r are the store's. ErrConflict: the
// device has gone, or its operation has changed since r.Schedule. ErrOvertaken: a
// later session has submitted one. KeyTaken: the key is another device's.
func (s *Store) SubmitRequest(ctx context.Context, a Actor, r Request) (Request, error) {
	err := s.change(ctx, func(t *tx) error {
		if err := t.submit(&r, RequestPending); err != nil {
			return err
		}
		if r.Issuer == onlineCA {
			if err := t.queue(&r); err != nil {
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

// submit makes the request the newest of its device.
func (t *tx) submit(r *Request, state RequestState) error {
	var schedule int64
	var operation Operation
	var p patience
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
		// completed since: who keeps one open gets nothing more out of it.
		return conflict("another session has completed the operation")
	case p.locked(t.now):
		return conflict("it is locked until %s", p.lockedUntil.Format(time.RFC3339))
	}
	if later, err := t.overtook(r.DeviceID, r.Session); err != nil || later {
		return cmp.Or(err, ErrOvertaken)
	}
	if err := t.stillVouches(*r); err != nil {
		return err
	}
	if err := t.keyIsItsOwn(*r); err != nil {
		return err
	}
	overtaken, err := t.overtake(r.DeviceID)
	if err != nil {
		return err
	}
	if err := t.bear(*r, p, overtaken); err != nil {
		return err
	}
	r.State, r.CreatedAt = state, t.now
	r.ID, err = t.insert(`INSERT INTO requests (device_id, device, created_at, schedule, state, issuer, key_kind, possessed,
		reason, address, voucher, voucher_fingerprint, session, key_hash, public_key, csr) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.DeviceID, r.Device, millis(t.now), r.Schedule, string(state), r.Issuer, r.KeyKind, r.Possessed,
		r.Reason, r.Address, string(r.Voucher.Kind), orEmpty(r.Voucher.Fingerprint), r.Session, r.KeyHash, r.PublicKey, r.CSR)
	return err
}

// overtook says whether a session of the device that is later than the numbered
// one has sent a key. Of those that are kept the last is the one of the latest
// session, since submit takes no other.
func (t *tx) overtook(deviceID, session int64) (bool, error) {
	var last int64
	err := t.row("SELECT session FROM requests WHERE device_id = ? ORDER BY id DESC LIMIT 1", deviceID).Scan(&last)
	if err == ErrNotFound {
		return false, nil
	}
	return last > session, err
}

// keyIsItsOwn refuses a public key that another device has sent, lately or before,
// whatever became of that: two devices with one key could pass for each other. One
// that has been deleted is no device: the same phone may be back under a new name.
func (t *tx) keyIsItsOwn(r Request) error {
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

// stillVouches refuses a request whose phone authenticated with an LSC that has
// been revoked since.
func (t *tx) stillVouches(r Request) error {
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
		return t.notOutlived(id)
	}
	return nil
}

// vouched is what an event says of the voucher.
func (r *Request) vouched() string {
	if r.Voucher.Kind == "" {
		return ""
	}
	return ", vouched for by " + r.Voucher.String()
}

// warned is what an event says of the key.
func (r *Request) warned() string {
	if r.Warning == "" {
		return ""
	}
	return "; warning: " + r.Warning
}

// overtake ends what the device has not brought to an end, and returns how much
// that is.
func (t *tx) overtake(deviceID int64) (int64, error) {
	pending, err := t.exec("UPDATE requests SET state = 'superseded' WHERE device_id = ? AND state = 'pending'", deviceID)
	if err != nil {
		return 0, err
	}
	issued, err := t.exec("UPDATE lscs SET state = 'stale', ended_at = ? WHERE device_id = ? AND state = 'issued'", millis(t.now), deviceID)
	return pending + issued, err
}

// outdate supersedes what waits for an operation that is not its device's any
// more: of one device or, for the id 0, of all. Who changes schedules calls it
// in the same transaction, so that a pending request is always of the operation
// that is scheduled, whoever looks at it next: a phone, an import or an export.
func (t *tx) outdate(deviceID int64) error {
	q := query{selection: "UPDATE requests SET state = 'superseded', reason = 'the operation of the device was changed'"}
	q.where("state = 'pending'")
	if deviceID != 0 {
		q.where("device_id = ?", deviceID)
	}
	q.where("EXISTS (SELECT 1 FROM devices AS d WHERE d.id = requests.device_id AND d.schedule <> requests.schedule)")
	_, err := t.exec(q.String(), q.args...)
	return err
}

// Requests yields requests, oldest first.
func (s *Reader) Requests(ctx context.Context, f RequestFilter) iter.Seq2[Request, error] {
	return stream(ctx, s, "reading requests", f.query(), (*Request).fields)
}

// CountRequests counts what Requests yields.
func (s *Reader) CountRequests(ctx context.Context, f RequestFilter) (int64, error) {
	n, err := s.count(ctx, "requests", f.query())
	return n, failed(err, "counting requests")
}

func (f RequestFilter) query() query {
	q := query{selection: "SELECT " + requestColumns + " FROM requests", order: "created_at, id"}
	q.ofDevice(f.Device)
	switch f.State {
	case "":
	case RequestPending:
		q.where("state = 'pending'") // word for word as in the index requests_pending
	default:
		q.where("state = ?", string(f.State))
	}
	if f.Since != nil {
		q.where("created_at >= ?", millis(*f.Since))
	}
	if f.Before != nil {
		q.where("created_at < ?", millis(*f.Before))
	}
	if f.Bare {
		q.where(isBare)
	}
	if f.ID != 0 {
		q.where("id = ?", f.ID)
	}
	return q
}

// Request returns one request. ErrNotFound: there is none with that id.
func (s *Reader) Request(ctx context.Context, id int64) (Request, error) {
	var r Request
	if err := s.point(ctx, selectRequest, []any{id}, r.fields()...); err != nil {
		return Request{}, failed(err, "reading request %d", id)
	}
	return r, nil
}

// DeleteRequests deletes requests that have no certificate, all pending ones
// when ids is nil, and returns how many; one that is named twice counts once. Either all are deleted or none:
// ErrNotFound names the id that there is not, ErrConflict the one that has
// been issued. There is an event for each id, or one for all, and one for each
// that the online CA goes on with.
func (s *Store) DeleteRequests(ctx context.Context, a Actor, ids []int64) (n int64, err error) {
	ids = once(ids)
	err = s.change(ctx, func(t *tx) (err error) {
		if ids == nil {
			if err := t.leaveAtCA(a, "r.state = 'pending'"); err != nil {
				return err
			}
			n, err = t.exec("DELETE FROM requests WHERE state = 'pending'")
			return t.allDeleted(a, "csr-delete", n, "pending request", err)
		}
		for _, id := range ids {
			if err := t.deleteRequest(a, id); err != nil {
				return err
			}
		}
		n = int64(len(ids))
		return nil
	})
	if err != nil {
		return 0, failed(err, "deleting requests")
	}
	return n, nil
}

// once is the values in their order, each once; nil for nil.
func once[T comparable](values []T) []T {
	kept, seen := values[:0:0], map[T]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v], kept = true, append(kept, v)
		}
	}
	return kept
}

func (t *tx) deleteRequest(a Actor, id int64) error {
	if err := t.leaveAtCA(a, "r.id = ? AND r.state <> 'issued'", id); err != nil {
		return err
	}
	var device string
	err := t.row("DELETE FROM requests WHERE id = ? AND state <> 'issued' RETURNING device", id).Scan(&device)
	if err == nil {
		return t.event(a, device, EventText{Action: "csr-delete", Detail: decimal(id)})
	}
	if err != ErrNotFound {
		return err
	}
	var state string
	if err := t.row("SELECT state FROM requests WHERE id = ?", id).Scan(&state); err != nil {
		return failed(err, "request %d", id)
	}
	return conflict("request %d has been %s", id, state)
}

// allDeleted writes the event of a deletion that named nothing by itself.
func (t *tx) allDeleted(a Actor, action string, n int64, thing string, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return t.event(a, "", EventText{Action: action, Detail: plural.Of(n, thing) + ", all there were"})
}
