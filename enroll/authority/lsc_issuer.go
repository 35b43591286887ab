package authority

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// LSCIssuer returns the certificate whose key signed an LSC: the present CAPF
// certificate, one in a trust store, or one that the online CA has sent along.
// ErrNotFound: it is not known here.
func LSCIssuer(ctx context.Context, s *store.Reader, l store.LSC) (*x509.Certificate, error) {
	lsc, err := x509.ParseCertificate(l.Certificate)
	if err != nil {
		return nil, fmt.Errorf("the LSC %s cannot be read (%v), so what signed it: %w", l.Serial, err, store.ErrNotFound)
	}
	own, err := Chain(ctx, s)
	if err != nil && !errors.Is(err, secrets.ErrNotReady) {
		return nil, err
	}
	rows, err := s.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	sent, err := s.OnlineIssuers(ctx)
	if err != nil {
		return nil, err
	}
	known := own
	for _, der := range append(certificatesOf(rows), sent...) {
		if c, err := x509.ParseCertificate(der); err == nil {
			known = append(known, c)
		}
	}
	// A CAPF certificate that a company CA has signed has the key of the self-signed one
	// before it; the key identifier tells which was meant.
	var found *x509.Certificate
	for _, c := range known {
		if !crypto.Issued(c, lsc) {
			continue
		}
		if found == nil || bytes.Equal(c.SubjectKeyId, lsc.AuthorityKeyId) && !bytes.Equal(found.SubjectKeyId, lsc.AuthorityKeyId) {
			found = c
		}
	}
	if found == nil {
		return nil, apperr.WithHint(fmt.Errorf("the certificate of %q, which signed the LSC %s: %w", l.Issuer, l.Serial, store.ErrNotFound),
			"it is in no trust store here; the CA itself can give it")
	}
	return found, nil
}

func certificatesOf(rows []store.TrustCertificate) (ders [][]byte) {
	for _, row := range rows {
		ders = append(ders, row.Certificate)
	}
	return ders
}
