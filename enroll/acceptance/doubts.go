package acceptance

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

// Doubts returns what is unwise about the LSC that another CA issued for a
// request; none when there is no LSC yet, or CAPF has issued it itself, under the name
// that the MIC or the parameters say.
func Doubts(ctx context.Context, s *store.Reader, request store.Request) ([]string, error) {
	if request.Issuer == settings.IssuerCAPF {
		return nil, nil
	}
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
	trusted, err := authority.Trusted(ctx, s, store.ForLSC)
	if err != nil {
		return nil, err
	}
	between, err := OnlineIssuers(ctx, s)
	if err != nil {
		return nil, err
	}
	path, err := Rule{Trusted: trusted, Now: latest(leaf.NotBefore, l.IssuedAt)}.Path(leaf, between)
	if err != nil {
		path = []*x509.Certificate{leaf} // the CA has been removed from capf-trust since
	}
	return crypto.DoubtsAboutLSC(path, crypto.Expect{CommonName: NameAsked(request)}), nil
}

// NameAsked returns the common name that a request asks for: the MIC's, if
// there was a MIC.
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
