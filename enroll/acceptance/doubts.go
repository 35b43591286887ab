package acceptance

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/crypto"
	"capf/store"
)

// Doubts are what is unwise about the LSC that another CA has made for a request;
// none when there is no LSC yet.
func Doubts(ctx context.Context, s *store.Store, request store.Request) ([]string, error) {
	l, err := s.LSCOfRequest(ctx, request.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && l.Certificate == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(l.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the LSC of request %d: %w", request.ID, err)
	}
	trusted, err := trustedForLSCs(ctx, s)
	if err != nil {
		return nil, err
	}
	between, err := OnlineIssuers(ctx, s.Reader)
	if err != nil {
		return nil, err
	}
	path, err := Rule{Trusted: trusted, Now: latest(leaf.NotBefore, l.IssuedAt)}.Path(leaf, between)
	if err != nil {
		path = []*x509.Certificate{leaf} // the CA has left capf-trust since
	}
	return crypto.DoubtsAboutLSC(path, crypto.Expect{CommonName: NameAsked(request)}), nil
}

// trustedForLSCs are the certificates in capf-trust that vouch for LSCs.
func trustedForLSCs(ctx context.Context, s *store.Store) ([]*x509.Certificate, error) {
	rows, err := s.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, row := range rows {
		if !row.For.Has(store.ForLSC) {
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

// NameAsked is the common name that a request asks for: with a MIC at hand, the
// MIC's.
func NameAsked(request store.Request) string {
	if csr, err := x509.ParseCertificateRequest(request.CSR); err == nil {
		return csr.Subject.CommonName
	}
	return request.Device
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
