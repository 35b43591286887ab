package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// Certificate is the CAPF certificate as it stands, fit or not. secrets.ErrNotReady
// when there is none.
func Certificate(ctx context.Context, s *store.Reader) (*x509.Certificate, error) {
	chain, err := Chain(ctx, s)
	if err != nil {
		return nil, err
	}
	return chain[0], nil
}

// Chain is the CAPF certificate and those above it, fit or not. secrets.ErrNotReady
// when there is none.
func Chain(ctx context.Context, s *store.Reader) ([]*x509.Certificate, error) {
	id, err := s.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, apperr.WithHint(secrets.ErrNotReady, "capf init makes it")
	}
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, der := range id.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// Trusted are the certificates in capf-trust that vouch for one of the uses.
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

// Anchors are the certificates to which one that a phone shows must chain: those
// of capf-trust that vouch for one of the uses and, for LSCs, the CAPF
// certificate, which vouches for nothing else.
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
