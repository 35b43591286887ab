package enroll

import (
	"context"
	"crypto/x509"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// Upload is what became of one certificate of an upload, for one purpose.
type Upload struct {
	Fingerprint string // SHA-256, hexadecimal
	Subject     string
	Purpose     store.Purpose
	Added       bool // false when the trust store had it already
}

// UploadTrust puts the certificates in data, PEM or DER, into trust stores.
// All are checked before the first is stored; ErrRefused says what is wrong
// with which one. foreignCAPF marks another cluster's CAPF certificate, whose
// name would otherwise be refused.
func (r *Rules) UploadTrust(ctx context.Context, actor store.Actor, data []byte, purposes []store.Purpose, description string, foreignCAPF bool) ([]Upload, error) {
	certs, err := crypto.ParseCertificates(data)
	if err != nil {
		return nil, kindError{ErrRefused, err.Error()}
	}
	for _, c := range certs {
		for _, p := range purposes {
			if err := crypto.CheckTrust(c, crypto.Purpose(p), foreignCAPF, r.Now()); err != nil {
				return nil, kindError{ErrRefused, fmt.Sprintf("%s for %s: %v", c.Subject, p, err)}
			}
		}
	}
	var done []Upload
	for _, c := range certs {
		for _, p := range purposes {
			added, err := r.Store.AddTrust(ctx, actor, trustRow(c, p, description, foreignCAPF))
			if err != nil {
				return done, err
			}
			done = append(done, Upload{crypto.Fingerprint(c), c.Subject.String(), p, added})
		}
	}
	return done, nil
}

func trustRow(c *x509.Certificate, p store.Purpose, description string, foreignCAPF bool) store.TrustCertificate {
	return store.TrustCertificate{
		Purpose: p, Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: c.Raw, Fingerprint: fingerprint(c.Raw),
		Description: description, ForeignCAPF: foreignCAPF,
	}
}

// anchors are the certificates to which a phone's own must chain: capf-trust
// and the CAPF certificate.
func (r *Rules) anchors(ctx context.Context) ([]*x509.Certificate, error) {
	rows, err := r.Store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	id, err := r.Store.Identity(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	ders := id.Chain[:1:1]
	for _, row := range rows {
		ders = append(ders, row.Certificate)
	}
	var certs []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of capf-trust: %w", err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}
