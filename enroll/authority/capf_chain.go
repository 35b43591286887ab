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

// Certificate returns the CAPF certificate without checking whether it is fit for
// use; the error is secrets.ErrNotReady when there is none.
func Certificate(ctx context.Context, s *store.Reader) (*x509.Certificate, error) {
	chain, err := Chain(ctx, s)
	if err != nil {
		return nil, err
	}
	return chain[0], nil
}

// Chain returns the CAPF certificate and those above it, without checking them; the
// error is secrets.ErrNotReady when there is none.
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
