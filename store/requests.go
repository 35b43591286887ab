package store

import (
	"context"
	"iter"
	"time"
)

// Request is a public key that a phone sent for certification.
type Request struct {
	ID        int64
	DeviceID  int64 // 0 when the device has been deleted since
	Device    string
	CreatedAt time.Time
	Schedule  int64  // the device's Schedule at that time
	Issuer    string // capf, online-ca, offline-ca
	KeyKind   string // such as rsa-2048 or ec-384
	KeyHash   []byte // SHA-256 of the SubjectPublicKeyInfo
	PublicKey []byte // DER SubjectPublicKeyInfo
	CSR       []byte // DER PKCS#10, nil when there is none
	Possessed bool   // whether the phone proved possession of the private key
	State     RequestState
	Reason    string // why an issuer rejected it, or what it last said
	Address   string // from which the phone sent it
	Voucher   Voucher
	// Session is the number that BeginInstall gave the session; it is not read
	// back.
	Session int64
	// Limit is in force when the request is submitted; it is not stored.
	Limit   UnconfirmedLimit
	Warning string // about the key, for the event; not stored
}

// RequestFilter limits a list of requests; what is empty or nil does not limit.
type RequestFilter struct {
	Device string // a pattern, as for package wildcard
	// Devices are names, one of which the device has; nil does not limit.
	Devices []string
	State   RequestState
	Since   *time.Time
	Before  *time.Time
	ID      int64
	// Bare selects requests without a stored certificate.
	Bare bool
}

const (
	requestColumns = `id, device_id, device, created_at, schedule, state, issuer, key_kind, possessed, reason,
	address, voucher, voucher_fingerprint, key_hash, public_key, csr`
	// The certificate of an issued request may have been deleted as stale.
	isBare        = "NOT EXISTS (SELECT 1 FROM lscs WHERE lscs.request_id = requests.id)"
	selectRequest = "SELECT " + requestColumns + " FROM requests WHERE id = ?"
)

func (r *Request) fields() []any {
	return []any{&r.ID, (*optional)(&r.DeviceID), &r.Device, (*instant)(&r.CreatedAt), &r.Schedule, (*string)(&r.State),
		&r.Issuer, &r.KeyKind, &r.Possessed, &r.Reason, &r.Address, (*string)(&r.Voucher.Kind), &r.Voucher.Fingerprint,
		&r.KeyHash, &r.PublicKey, &r.CSR}
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
	q.ofListed(f.Devices)
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

// RequestByKey returns the request for a key, by the SHA-256 of its
// SubjectPublicKeyInfo. If several devices have sent it, that of the device is
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
