package tvs

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/store"
)

// Certificate returns the certificate of TVS, which lists carry with the role TVS; nil
// when there is none yet.
func Certificate(ctx context.Context, s *store.Reader) (*x509.Certificate, error) {
	row, err := s.TVSCertificate(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parse(row)
}

func parse(row store.TVSCertificate) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(row.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of TVS: %w", err)
	}
	return c, nil
}

// Maker makes the certificate of TVS with its key.
type Maker struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Rand   io.Reader
}

// Ensure makes the certificate when there is none. It leaves an existing one alone:
// phones know it from their lists.
func (m Maker) Ensure(ctx context.Context, actor store.Actor) (c *x509.Certificate, made bool, err error) {
	if c, err = Certificate(ctx, m.Store.Reader); c != nil || err != nil {
		return c, false, err
	}
	c, err = m.make(ctx, actor, true)
	if errors.Is(err, store.ErrConflict) { // another process was faster
		c, err = Certificate(ctx, m.Store.Reader)
		return c, false, err
	}
	return c, err == nil, err
}

// Regenerate makes a new key and certificate in place of the present ones. Phones ask
// the new one only after they have fetched their list anew.
func (m Maker) Regenerate(ctx context.Context, actor store.Actor) (*x509.Certificate, error) {
	return m.make(ctx, actor, false)
}

// make has the organization of the CAPF certificate in the name.
func (m Maker) make(ctx context.Context, actor store.Actor, onlyNew bool) (*x509.Certificate, error) {
	capf, err := authority.Certificate(ctx, m.Store.Reader)
	if err != nil {
		return nil, err
	}
	c, key, err := crypto.NewTVS(m.Rand, crypto.NameOf(capf), m.Now())
	if err != nil {
		return nil, err
	}
	sealed, err := secrets.SealTVSKey(m.Sealer, key)
	if err != nil {
		return nil, err
	}
	return c, m.Store.SaveTVSCertificate(ctx, actor, store.TVSCertificate{Certificate: c.Raw, SealedKey: sealed}, onlyNew)
}

// Load returns the certificate of TVS with its key; store.ErrNotFound when there is
// none, crypto.ErrWrongKey when another master key sealed it.
func Load(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (*x509.Certificate, stdcrypto.Signer, error) {
	row, err := s.TVSCertificate(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := parse(row)
	if err != nil {
		return nil, nil, err
	}
	key, err := secrets.TVSKey(sealer, row)
	return c, key, err
}
