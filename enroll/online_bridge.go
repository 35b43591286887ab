package enroll

import (
	"context"
	"crypto/x509"

	"capf/store"
)

// What package caworker asks of here.

// Trusted are the certificates of capf-trust that vouch for one of the uses.
func (r *Rules) Trusted(ctx context.Context, uses store.Uses) ([]*x509.Certificate, error) {
	return r.trusted(ctx, uses)
}

// Anchors are the certificates to which one that a phone shows must chain.
func (r *Rules) Anchors(ctx context.Context, uses store.Uses) ([]*x509.Certificate, error) {
	return r.anchors(ctx, uses)
}

// CAPFCertificate is the CAPF certificate as it stands, fit or not.
func (r *Rules) CAPFCertificate(ctx context.Context) (*x509.Certificate, error) {
	return r.capfCertificate(ctx)
}

// IsCAPFName says whether a certificate is some cluster's CAPF certificate.
func IsCAPFName(c *x509.Certificate) bool { return isCAPFName(c) }
