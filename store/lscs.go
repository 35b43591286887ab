package store

import (
	"context"
	"iter"
	"time"

	"capf/internal/serialnumber"
)

// LSC is a Locally Significant Certificate, made for one request.
type LSC struct {
	ID          int64
	RequestID   int64 // 0 for a discarded one
	DeviceID    int64 // 0 when the device has been deleted since
	Device      string
	Serial      string // as package serialnumber spells it
	Subject     string
	Issuer      string
	KeyKind     string
	NotBefore   time.Time
	NotAfter    time.Time
	Certificate []byte // DER; nil for a discarded one
	Fingerprint []byte // SHA-256 of the certificate
	State       LSCState
	IssuedAt    time.Time
	InstalledAt time.Time
	EndedAt     time.Time // when it became stale, replaced or deleted
	RevokedAt   time.Time
	Reason      RevocationReason // why it was revoked
	// Held is the state to which releasing a certificate-hold returns it.
	Held LSCState
}

// LSCFilter limits a list of LSCs; fields that are empty or nil do not.
type LSCFilter struct {
	Device        string   // a pattern, as for package wildcard
	Devices       []string // of one of these names; nil does not limit
	DeviceID      int64    // of one device, not of a deleted one that had its name
	State         LSCState
	Serial        string     // in any spelling that package serialnumber reads
	ExpiresBefore *time.Time // the end of the validity
	EndedBefore   *time.Time // when it became stale, replaced or deleted
	Issuer        string     // the issuer's whole name
	IssuedBy      string     // a pattern as for package wildcard, or part of the issuer's name
	// Discarded adds LSCs that are no longer listed but may still be on a
	// phone.
	Discarded bool
}

// Authenticates reports whether a phone may authenticate with an LSC in that
// state. A phone that has the key of an unconfirmed one has evidently installed
// it.
func (v LSCState) Authenticates() bool {
	return v == LSCInstalled || v == LSCIssued || v == LSCStale
}

const lscColumns = `l.id, l.request_id, l.device_id, l.device, l.serial, l.subject, l.issuer, l.key_kind, l.not_before, l.not_after,
	l.state, l.issued_at, l.installed_at, l.ended_at, l.revoked_at, l.reason, l.held, l.fingerprint, l.certificate`

func (l *LSC) fields() []any {
	return []any{&l.ID, (*optional)(&l.RequestID), (*optional)(&l.DeviceID), &l.Device, &l.Serial, &l.Subject, &l.Issuer, &l.KeyKind,
		(*bound)(&l.NotBefore), (*bound)(&l.NotAfter), (*string)(&l.State), (*instant)(&l.IssuedAt),
		(*instant)(&l.InstalledAt), (*instant)(&l.EndedAt), (*instant)(&l.RevokedAt), (*string)(&l.Reason), (*string)(&l.Held),
		&l.Fingerprint, &l.Certificate}
}

// LSCs yields LSCs, oldest first; those that ExpiresBefore limits, by the end
// of their validity.
func (s *Reader) LSCs(ctx context.Context, f LSCFilter) iter.Seq2[LSC, error] {
	return stream(ctx, s, "reading LSCs", f.query(), (*LSC).fields)
}

// CountLSCs counts what LSCs yields.
func (s *Reader) CountLSCs(ctx context.Context, f LSCFilter) (int64, error) {
	n, err := s.count(ctx, "lscs", f.query())
	return n, failed(err, "counting LSCs")
}

func (f LSCFilter) query() query {
	q := query{selection: "SELECT " + lscColumns + " FROM lscs AS l", order: "id"}
	q.ofDevice(f.Device)
	q.ofListed(f.Devices)
	if f.DeviceID != 0 {
		q.where("device_id = ?", f.DeviceID)
	}
	switch f.State {
	case "":
		if !f.Discarded {
			q.where("state <> 'discarded'")
		}
	case LSCStale:
		q.where("state = 'stale'") // word for word as in the index lscs_stale
	default:
		q.where("state = ?", string(f.State))
	}
	if f.Serial != "" {
		q.where("serial = ?", serialnumber.Plain(f.Serial))
	}
	if f.Issuer != "" {
		q.where("issuer = ?", f.Issuer)
	}
	q.likeName("issuer", f.IssuedBy)
	if f.EndedBefore != nil {
		q.where("ended_at > 0 AND ended_at < ?", millis(*f.EndedBefore))
	}
	if f.ExpiresBefore != nil {
		q.where("not_after < ?", millis(*f.ExpiresBefore))
		q.order = "not_after, id"
	}
	return q
}

// LSC returns the LSC with the serial, in any spelling that package serialnumber
// reads; the newest, should two issuers have used it.
// ErrNotFound: there is none.
func (s *Reader) LSC(ctx context.Context, serial string) (LSC, error) {
	var l LSC
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs AS l WHERE serial = ? ORDER BY id DESC LIMIT 1",
		[]any{serialnumber.Plain(serial)}, l.fields()...)
	if err != nil {
		return LSC{}, failed(err, "reading the LSC %q", serial)
	}
	return l, nil
}

// SerialsBeginning returns the serials of LSCs that begin with the digits, at most
// limit of them, in their order.
func (s *Reader) SerialsBeginning(ctx context.Context, digits string, limit int) ([]string, error) {
	// g is above every digit, so that the index of serials answers.
	found, err := few(ctx, s, "SELECT DISTINCT serial FROM lscs WHERE serial >= ? AND serial < ? ORDER BY serial LIMIT ?",
		[]any{digits, digits + "g", limit}, func(serial *string) []any { return []any{serial} })
	return found, failed(err, "looking for the serial %q", digits)
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
	err := s.point(ctx, "SELECT "+lscColumns+" FROM lscs AS l WHERE serial = ? AND issuer = ?", []any{serialnumber.Plain(serial), issuer}, l.fields()...)
	if err != nil {
		return LSC{}, failed(err, "reading the LSC %q", serial)
	}
	return l, nil
}

// CountInstalled counts the installed LSCs of devices that there are.
func (s *Reader) CountInstalled(ctx context.Context) (n int64, err error) {
	// Word for word as in the index lscs_installed.
	err = s.point(ctx, "SELECT count(*) FROM lscs WHERE state = 'installed' AND device_id > 0", nil, &n)
	return n, failed(err, "counting installed LSCs")
}
