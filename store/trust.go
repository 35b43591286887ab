package store

import "context"

func (c *TrustCertificate) fields() []any {
	return []any{&c.ID, (*string)(&c.Purpose), &c.Subject, &c.Issuer, &c.Serial, (*instant)(&c.NotBefore),
		(*instant)(&c.NotAfter), &c.Description, &c.ForeignCAPF, (*instant)(&c.AddedAt), &c.Fingerprint, &c.Certificate}
}

// AddTrust adds a certificate to its trust store; its id and time are the
// store's. Added is false, and nothing changes, when it is there already.
func (s *Store) AddTrust(ctx context.Context, a Actor, c TrustCertificate) (added bool, err error) {
	err = s.change(ctx, func(t *tx) (err error) {
		if added, err = t.trust(c); err != nil || !added {
			return err
		}
		return t.event(a, "", EventText{Action: "cert-upload", Detail: string(c.Purpose) + ": " + c.Subject})
	})
	return added && err == nil, failed(err, "adding %q to %s", c.Subject, c.Purpose)
}

func (t *tx) trust(c TrustCertificate) (added bool, err error) {
	n, err := t.exec(`INSERT INTO trust_certificates (purpose, subject, issuer, serial, not_before, not_after,
		description, foreign_capf, added_at, fingerprint, certificate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (purpose, fingerprint) DO NOTHING`,
		string(c.Purpose), c.Subject, c.Issuer, plainSerial(c.Serial), millis(c.NotBefore), millis(c.NotAfter),
		c.Description, c.ForeignCAPF, millis(t.now), c.Fingerprint, c.Certificate)
	return n == 1, err
}

// Trust returns the certificates of a trust store, of all when the purpose is
// empty, in the order in which they were added.
func (s *Store) Trust(ctx context.Context, p Purpose) ([]TrustCertificate, error) {
	q := query{selection: `SELECT id, purpose, subject, issuer, serial, not_before, not_after, description, foreign_capf,
		added_at, fingerprint, certificate FROM trust_certificates`, order: "id"}
	if p != "" {
		q.where("purpose = ?", string(p))
	}
	return collect(stream(ctx, s, "reading trust certificates", q, (*TrustCertificate).fields))
}

// DeleteTrust deletes one certificate from its trust store. ErrNotFound: there
// is none with that id.
func (s *Store) DeleteTrust(ctx context.Context, a Actor, id int64) error {
	err := s.change(ctx, func(t *tx) error {
		var purpose, subject string
		err := t.row("DELETE FROM trust_certificates WHERE id = ? RETURNING purpose, subject", id).Scan(&purpose, &subject)
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "cert-delete", Detail: purpose + ": " + subject})
	})
	return failed(err, "deleting trust certificate %d", id)
}
