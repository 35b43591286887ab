package store

import "context"

func (c *TrustCertificate) fields() []any {
	return []any{&c.ID, (*string)(&c.Purpose), &c.Subject, &c.Issuer, &c.Serial, (*bound)(&c.NotBefore),
		(*bound)(&c.NotAfter), &c.Description, &c.ForeignCAPF, (*instant)(&c.AddedAt), &c.Fingerprint, &c.Certificate}
}

// AddTrusts adds certificates to their trust stores, all or none; their ids
// and times are the store's. It says of each whether it was added: one that is
// there already, or comes twice, is left as it is.
func (s *Store) AddTrusts(ctx context.Context, a Actor, list []TrustCertificate) (added []bool, err error) {
	var at TrustCertificate
	err = s.change(ctx, func(t *tx) error {
		added = make([]bool, len(list))
		for i, c := range list {
			var err error
			if added[i], err = t.trust(c); err == nil && added[i] {
				err = t.event(a, "", EventText{Action: "cert-upload", Detail: string(c.Purpose) + ": " + c.Subject})
			}
			if err != nil {
				at = c
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, failed(err, "adding %q to %s", at.Subject, at.Purpose)
	}
	return added, nil
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

// DeleteTrust deletes certificates from their trust stores, all or none.
// ErrNotFound: there is none with one of the ids.
func (s *Store) DeleteTrust(ctx context.Context, a Actor, ids ...int64) error {
	var at int64
	err := s.change(ctx, func(t *tx) error {
		for _, id := range ids {
			at = id
			var purpose, subject string
			err := t.row("DELETE FROM trust_certificates WHERE id = ? RETURNING purpose, subject", id).Scan(&purpose, &subject)
			if err != nil {
				return err
			}
			if err := t.event(a, "", EventText{Action: "cert-delete", Detail: purpose + ": " + subject}); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "deleting trust certificate %d", at)
}
