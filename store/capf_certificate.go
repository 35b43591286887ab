package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"capf/internal/serialnumber"
)

// Identity is the CAPF certificate with its sealed private key.
type Identity struct {
	Chain     [][]byte // DER, the CAPF certificate first
	SealedKey []byte   // PKCS#8, sealed
	CreatedAt time.Time
	ListedAt  time.Time // since when trust lists carry the certificate, if there are any
}

// Identity returns the CAPF certificate with its sealed key. ErrNotFound:
// there is none yet.
func (s *Reader) Identity(ctx context.Context) (Identity, error) {
	id, err := s.identity(ctx)
	if err != nil {
		return Identity{}, failed(err, "reading the CAPF certificate")
	}
	return id, nil
}

// identity reads key and chain in one statement, so that they belong together.
func (s *Reader) identity(ctx context.Context) (id Identity, err error) {
	rows, err := s.lists.db.QueryContext(ctx, `SELECT created_at, listed_at, sealed_key, certificate
		FROM identity JOIN identity_chain ORDER BY position`)
	if err != nil {
		return id, err
	}
	defer rows.Close()
	for rows.Next() {
		var certificate []byte
		if err := rows.Scan((*instant)(&id.CreatedAt), (*instant)(&id.ListedAt), &id.SealedKey, &certificate); err != nil {
			return id, err
		}
		id.Chain = append(id.Chain, certificate)
	}
	if err := rows.Err(); err != nil {
		return id, err
	}
	if len(id.Chain) == 0 {
		return id, ErrNotFound
	}
	return id, nil
}

// SaveIdentity stores a CAPF certificate, with the store's time. With onlyNew,
// it is ErrConflict if there is one already. Without, the certificate that it
// replaces goes to capf-trust, so that the LSCs that it signed still
// authenticate.
func (s *Store) SaveIdentity(ctx context.Context, a Actor, id Identity, onlyNew bool) error {
	err := s.change(ctx, func(t *tx) error {
		if err := retireIdentity(t, a, onlyNew, id); err != nil {
			return err
		}
		return saveIdentity(t, a, id)
	})
	return failed(err, "keeping the CAPF certificate")
}

// GiveUpIdentity stores a CAPF certificate in place of one whose key may have
// leaked. The old one does not go to capf-trust, and the trust certificates with
// the ids, which have the same key, are removed too. Nothing is prepared any more, and
// every running serve is told to begin again. ErrNotFound: one of the ids does not exist.
// prepared is the certificate, DER, that is prepared up to now, nil for none:
// ErrConflict if that is not so any more.
func (s *Store) GiveUpIdentity(ctx context.Context, a Actor, id Identity, trust []int64, prepared []byte) error {
	err := s.change(ctx, func(t *tx) error {
		was, _, err := preparedNow(t)
		if err != nil {
			return err
		}
		if !bytes.Equal(was, prepared) {
			return conflict("another certificate has been prepared meanwhile")
		}
		if err := t.event(a, "", EventText{Action: "capf-certificate-given-up", Detail: "its key may be known to others"}); err != nil {
			return err
		}
		for _, one := range unique(trust) {
			if err := deleteTrust(t, a, one); err != nil {
				return err
			}
		}
		if was != nil {
			if err := dropPrepared(t, a, id.Chain); err != nil {
				return err
			}
		}
		if err := saveIdentity(t, a, id); err != nil {
			return err
		}
		return restartService(t, a, "capf")
	})
	return failed(err, "giving the CAPF certificate up")
}

// mustStand refuses a CAPF certificate that was given up.
func mustStand(t *tx, certificate []byte) error {
	if certificate == nil {
		return nil
	}
	var stands bool
	err := t.row(`SELECT EXISTS (SELECT 1 FROM identity_chain WHERE position = 0 AND certificate = ?)
		OR EXISTS (SELECT 1 FROM trust_certificates WHERE purpose = 'capf-trust' AND fingerprint = ?)`, certificate, fingerprint(certificate)).Scan(&stands)
	if err == nil && !stands {
		err = conflict("the CAPF certificate was given up")
	}
	return err
}

func saveIdentity(t *tx, a Actor, id Identity) error {
	if len(id.Chain) == 0 {
		return fmt.Errorf("there is no certificate in it")
	}
	var same bool // then only the chain above it is another, which lists do not show
	if err := t.row("SELECT EXISTS (SELECT 1 FROM identity_chain WHERE position = 0 AND certificate = ?)", id.Chain[0]).Scan(&same); err != nil {
		return err
	}
	if !same {
		if err := listsChanged(t); err != nil {
			return err
		}
		if id.ListedAt.IsZero() {
			id.ListedAt = t.now
		}
	}
	_, err := t.exec(`INSERT INTO identity (id, created_at, listed_at, sealed_key) VALUES (1, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, listed_at = max(excluded.listed_at, CASE WHEN ? THEN listed_at ELSE 0 END), sealed_key = excluded.sealed_key`,
		millis(t.now), millis(id.ListedAt), id.SealedKey, same)
	if err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM identity_chain"); err != nil {
		return err
	}
	for i, c := range id.Chain {
		if _, err := t.exec("INSERT INTO identity_chain (position, certificate) VALUES (?, ?)", i, c); err != nil {
			return err
		}
	}
	if err := listsChanged(t); err != nil {
		return err
	}
	return t.event(a, "", EventText{Action: "capf-certificate-set", Detail: fmt.Sprintf("SHA-256 %x", fingerprint(id.Chain[0]))})
}

// retireIdentity moves the present certificate to capf-trust.
func retireIdentity(t *tx, a Actor, onlyNew bool, next Identity) error {
	var old []byte
	err := t.row("SELECT certificate FROM identity_chain WHERE position = 0").Scan(&old)
	switch {
	case err == ErrNotFound:
		return nil
	case err != nil:
		return err
	case onlyNew:
		return conflict("there is one already")
	case len(next.Chain) > 0 && string(next.Chain[0]) == string(old):
		return nil
	}
	// The columns of capf-trust only repeat what is in the certificate.
	c, err := x509.ParseCertificate(old)
	if err != nil {
		return fmt.Errorf("reading the one that it replaces: %w", err)
	}
	return trustAsOurs(t, a, TrustCertificate{
		Purpose: CAPFTrust, Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: serialnumber.Text(c.SerialNumber),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: old, Fingerprint: fingerprint(old),
		Description: "CAPF certificate until " + t.now.Format("2006-01-02"), For: ForLSC,
	})
}

// trustAsOurs also gives an existing row the uses of our own certificates:
// without lsc, nothing that the certificate signed would authenticate.
func trustAsOurs(t *tx, a Actor, c TrustCertificate) error {
	added, err := insertTrust(t, c)
	if err != nil || added {
		return err
	}
	var there TrustCertificate
	err = t.row(selectTrust+" WHERE purpose = ? AND fingerprint = ?", string(c.Purpose), c.Fingerprint).Scan(there.fields()...)
	if err == nil {
		_, err = editTrust(t, a, &there, TrustEdit{For: &c.For})
	}
	return err
}

func fingerprint(certificate []byte) []byte {
	sum := sha256.Sum256(certificate)
	return sum[:]
}
