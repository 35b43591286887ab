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
	return parsed(id.Chain, "the CAPF certificate")
}

func parsed(ders [][]byte, what string) (chain []*x509.Certificate, err error) {
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", what, err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// PreparedChain returns the CAPF certificate that is prepared and those above it, without
// checking them; nil when none is.
func PreparedChain(ctx context.Context, s *store.Reader) ([]*x509.Certificate, error) {
	p, err := s.Prepared(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parsed(p.Chain, "the prepared CAPF certificate")
}

// Announced returns the CAPF certificates that trust lists carry and TVS vouches for: the
// one that serve shows and, if there is one, the one that is prepared. The error is
// secrets.ErrNotReady when there is none.
func Announced(ctx context.Context, s *store.Reader) ([]*x509.Certificate, error) {
	present, err := Certificate(ctx, s)
	if err != nil {
		return nil, err
	}
	prepared, err := PreparedChain(ctx, s)
	if err != nil || len(prepared) == 0 {
		return []*x509.Certificate{present}, err
	}
	return []*x509.Certificate{present, prepared[0]}, nil
}
