package store

import (
	"context"
	"fmt"
	"time"

	"capf/internal/serialnumber"
)

// Purpose is a trust store.
type Purpose string

// The trust stores.
const (
	CAPFTrust        Purpose = "capf-trust"
	CallManagerTrust Purpose = "callmanager-trust"
	PhoneSASTTrust   Purpose = "phone-sast-trust"
	TVSTrust         Purpose = "tvs-trust"
)

// Purposes lists the trust stores, in the order in which they are told.
func Purposes() []Purpose { return []Purpose{CAPFTrust, CallManagerTrust, PhoneSASTTrust, TVSTrust} }

// TrustCertificate is a certificate in one trust store.
type TrustCertificate struct {
	ID          int64
	Purpose     Purpose
	Subject     string
	Issuer      string
	Serial      string
	NotBefore   time.Time
	NotAfter    time.Time
	Certificate []byte // DER
	Fingerprint []byte // SHA-256 of Certificate
	Description string
	For         Uses // what it vouches for; empty outside capf-trust
	Undecided   bool // a migration had to guess what it vouches for
	AddedAt     time.Time
}

func (c *TrustCertificate) fields() []any {
	return []any{&c.ID, (*string)(&c.Purpose), &c.Subject, &c.Issuer, &c.Serial, (*bound)(&c.NotBefore),
		(*bound)(&c.NotAfter), &c.Description, use{&c.For, ForMIC}, use{&c.For, ForLSC}, use{&c.For, ForForeignLSC},
		use{&c.For, ForHTTPS}, &c.Undecided, (*instant)(&c.AddedAt), &c.Fingerprint, &c.Certificate}
}

const selectTrust = `SELECT id, purpose, subject, issuer, serial, not_before, not_after, description,
	for_mic, for_lsc, for_foreign_lsc, for_https, undecided, added_at, fingerprint, certificate FROM trust_certificates`

// TrustEdit changes a trust certificate; nil fields stay as they are.
type TrustEdit struct {
	For         *Uses // also settles what a migration had to guess
	Description *string
}

// Changes reports whether the edit would change a trust certificate.
func (e TrustEdit) Changes(c TrustCertificate) bool {
	after := e.Edited(c)
	return after.For != c.For || after.Undecided != c.Undecided || after.Description != c.Description
}

// Edited returns the trust certificate as it is after the edit.
func (e TrustEdit) Edited(c TrustCertificate) TrustCertificate {
	if e.For != nil {
		c.For, c.Undecided = *e.For, false
	}
	if e.Description != nil {
		c.Description = *e.Description
	}
	return c
}

// NewTrust is a certificate for a trust store. If it is there already, the
// edit is applied to the row, whose other columns stay.
type NewTrust struct {
	TrustCertificate
	IfThere TrustEdit
}

// TrustOutcome says what became of a certificate for a trust store.
type TrustOutcome string

// The outcomes.
const (
	TrustAdded   TrustOutcome = "added"
	TrustChanged TrustOutcome = "changed"
	TrustSame    TrustOutcome = "same"
)

// AddTrusts adds certificates to their trust stores, or changes those that are
// there already, all or none; their ids and times are the store's. It returns
// the rows as they stand then, and says of each what became of it.
func (s *Store) AddTrusts(ctx context.Context, a Actor, list []NewTrust) (rows []TrustCertificate, outcomes []TrustOutcome, err error) {
	var at TrustCertificate
	err = s.change(ctx, func(t *tx) error {
		rows, outcomes = make([]TrustCertificate, len(list)), make([]TrustOutcome, len(list))
		for i, c := range list {
			at = c.TrustCertificate
			var err error
			if rows[i], outcomes[i], err = putTrust(t, a, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, failed(err, "adding %q to %s", at.Subject, at.Purpose)
	}
	return rows, outcomes, nil
}

func putTrust(t *tx, a Actor, c NewTrust) (row TrustCertificate, outcome TrustOutcome, err error) {
	added, err := insertTrust(t, c.TrustCertificate)
	if err != nil {
		return row, "", err
	}
	err = t.row(selectTrust+" WHERE purpose = ? AND fingerprint = ?", string(c.Purpose), c.Fingerprint).Scan(row.fields()...)
	if err != nil {
		return row, "", err
	}
	if added {
		return row, TrustAdded, t.event(a, "", EventText{Action: "cert-upload", Detail: row.named() + row.vouches()})
	}
	outcome, err = editTrust(t, a, &row, c.IfThere)
	return row, outcome, err
}

// named returns the name of the certificate in events.
func (c *TrustCertificate) named() string { return string(c.Purpose) + ": " + c.Subject }

// vouches says in an event what the certificate vouches for.
func (c *TrustCertificate) vouches() string {
	if c.Purpose != CAPFTrust {
		return ""
	}
	if c.For == 0 {
		return "; for nothing"
	}
	return "; for " + c.For.String()
}

func insertTrust(t *tx, c TrustCertificate) (added bool, err error) {
	n, err := t.exec(`INSERT INTO trust_certificates (purpose, subject, issuer, serial, not_before, not_after, description,
		for_mic, for_lsc, for_foreign_lsc, for_https, added_at, fingerprint, certificate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (purpose, fingerprint) DO NOTHING`,
		string(c.Purpose), c.Subject, c.Issuer, serialnumber.Plain(c.Serial), millis(c.NotBefore), millis(c.NotAfter), c.Description,
		c.For.Has(ForMIC), c.For.Has(ForLSC), c.For.Has(ForForeignLSC), c.For.Has(ForHTTPS), millis(t.now), c.Fingerprint, c.Certificate)
	return n == 1, err
}

// EditTrusts changes trust certificates, all or none, and returns them as they
// stand then. ErrNotFound: there is none with one of the ids.
func (s *Store) EditTrusts(ctx context.Context, a Actor, ids []int64, e TrustEdit) (rows []TrustCertificate, outcomes []TrustOutcome, err error) {
	var at int64
	err = s.change(ctx, func(t *tx) error {
		rows, outcomes = make([]TrustCertificate, len(ids)), make([]TrustOutcome, len(ids))
		for i, id := range ids {
			at = id
			if err := t.row(selectTrust+" WHERE id = ?", id).Scan(rows[i].fields()...); err != nil {
				return err
			}
			var err error
			if outcomes[i], err = editTrust(t, a, &rows[i], e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, failed(err, "changing trust certificate %d", at)
	}
	return rows, outcomes, nil
}

// editTrust changes a row that has just been read.
func editTrust(t *tx, a Actor, c *TrustCertificate, e TrustEdit) (TrustOutcome, error) {
	if !e.Changes(*c) {
		return TrustSame, nil
	}
	before := *c
	*c = e.Edited(before)
	_, err := t.exec(`UPDATE trust_certificates SET for_mic = ?, for_lsc = ?, for_foreign_lsc = ?, for_https = ?, undecided = ?,
		description = ? WHERE id = ?`, c.For.Has(ForMIC), c.For.Has(ForLSC), c.For.Has(ForForeignLSC), c.For.Has(ForHTTPS),
		c.Undecided, c.Description, c.ID)
	if err != nil {
		return "", err
	}
	detail := c.named() + c.vouches()
	if c.Description != before.Description {
		detail += fmt.Sprintf("; description %q", c.Description)
	}
	return TrustChanged, t.event(a, "", EventText{Action: "cert-set", Detail: detail})
}

// Trust returns the certificates of a trust store, of all when the purpose is
// empty, in the order in which they were added.
func (s *Reader) Trust(ctx context.Context, p Purpose) ([]TrustCertificate, error) {
	q := query{selection: selectTrust, order: "id"}
	if p != "" {
		q.where("purpose = ?", string(p))
	}
	return collect(stream(ctx, s, "reading trust certificates", q, (*TrustCertificate).fields))
}

// DeleteTrust deletes certificates from their trust stores, all or none.
// ErrNotFound: there is none with one of the ids.
func (s *Store) DeleteTrust(ctx context.Context, a Actor, ids ...int64) error {
	var at int64
	err := s.change(ctx, func(t *tx) error {
		for _, id := range unique(ids) {
			at = id
			if err := deleteTrust(t, a, id); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "deleting trust certificate %d", at)
}

func deleteTrust(t *tx, a Actor, id int64) error {
	var purpose, subject string
	err := t.row("DELETE FROM trust_certificates WHERE id = ? RETURNING purpose, subject", id).Scan(&purpose, &subject)
	if err != nil {
		return err
	}
	return t.event(a, "", EventText{Action: "cert-delete", Detail: purpose + ": " + subject})
}
