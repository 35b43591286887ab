package store

import (
	"bytes"
	"context"
)

// ApplyTrust adds, changes and removes trust certificates, all or none. Seen are the
// trust stores as the caller has seen them when it decided. ErrConflict: they have
// changed since, and the caller has to look again.
func (s *Store) ApplyTrust(ctx context.Context, a Actor, seen []TrustCertificate, put []NewTrust, remove []int64) error {
	err := s.change(ctx, func(t *tx) error {
		now, err := rowsOf(t, query{selection: selectTrust, order: "id"}, (*TrustCertificate).fields)
		if err != nil {
			return err
		}
		if !sameTrust(seen, now) {
			return conflict("the trust stores have changed meanwhile")
		}
		for _, id := range remove {
			if err := deleteTrust(t, a, id); err != nil {
				return err
			}
		}
		for _, c := range put {
			if _, _, err := putTrust(t, a, c); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "applying the trust stores")
}

func sameTrust(a, b []TrustCertificate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID || !bytes.Equal(a[i].Fingerprint, b[i].Fingerprint) ||
			a[i].For != b[i].For || a[i].Undecided != b[i].Undecided || a[i].Description != b[i].Description {
			return false
		}
	}
	return true
}
