package store

import (
	"context"
	"fmt"
	"time"
)

// TVSCertificate is the certificate of TVS with its sealed private key.
type TVSCertificate struct {
	Certificate []byte // DER
	SealedKey   []byte // PKCS#8, sealed
	CreatedAt   time.Time
}

// TVSCertificate returns the certificate of TVS with its sealed key. ErrNotFound:
// there is none yet.
func (s *Reader) TVSCertificate(ctx context.Context) (c TVSCertificate, err error) {
	err = s.point(ctx, "SELECT created_at, certificate, sealed_key FROM tvs_certificate", nil, (*instant)(&c.CreatedAt), &c.Certificate, &c.SealedKey)
	return c, failed(err, "reading the certificate of TVS")
}

// SaveTVSCertificate stores the certificate of TVS, with the store's time. With
// onlyNew, it is ErrConflict if there is one already.
func (s *Store) SaveTVSCertificate(ctx context.Context, a Actor, c TVSCertificate, onlyNew bool) error {
	err := s.change(ctx, func(t *tx) error {
		n, err := t.exec(`INSERT INTO tvs_certificate (id, created_at, certificate, sealed_key) VALUES (1, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, certificate = excluded.certificate, sealed_key = excluded.sealed_key
			WHERE ?`, millis(t.now), c.Certificate, c.SealedKey, !onlyNew)
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("there is one already")
		}
		if err := listsChanged(t); err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "tvs-certificate-set", Detail: fmt.Sprintf("SHA-256 %x", fingerprint(c.Certificate))})
	})
	return failed(err, "storing the certificate of TVS")
}
