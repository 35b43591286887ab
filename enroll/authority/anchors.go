package authority

import (
	"context"
	"crypto/x509"
	"fmt"

	"capf/store"
)

// Trusted returns the certificates in capf-trust that vouch for one of the
// uses.
func Trusted(ctx context.Context, s *store.Reader, uses store.Uses) ([]*x509.Certificate, error) {
	rows, err := s.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, row := range rows {
		if row.For&uses == 0 {
			continue
		}
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of capf-trust: %w", err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// Anchors returns the certificates to which a certificate from a phone must
// chain: those of capf-trust that vouch for one of the uses and, for LSCs only,
// the CAPF certificate.
func Anchors(ctx context.Context, s *store.Reader, uses store.Uses) ([]*x509.Certificate, error) {
	trusted, err := Trusted(ctx, s, uses)
	if err != nil || !uses.Has(store.ForLSC) {
		return trusted, err
	}
	capf, err := Certificate(ctx, s)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{capf}, trusted...), nil
}
