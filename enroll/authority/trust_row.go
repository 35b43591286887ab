package authority

import (
	"crypto/x509"

	"capf/crypto"
	"capf/internal/serialnumber"
	"capf/store"
)

// TrustRow returns the row of a trust store for a certificate.
func TrustRow(c *x509.Certificate, p store.Purpose, description string, uses store.Uses) store.TrustCertificate {
	return store.TrustCertificate{
		Purpose: p, Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: serialnumber.Text(c.SerialNumber),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: c.Raw, Fingerprint: crypto.RawFingerprint(c.Raw),
		Description: description, For: uses,
	}
}

// NameOf is what people call a certificate: its common name, else its subject.
func NameOf(c *x509.Certificate) string {
	if c.Subject.CommonName == "" {
		return c.Subject.String()
	}
	return c.Subject.CommonName
}

// NameOfRow is NameOf for a row of a trust store, which may hold what cannot be
// read.
func NameOfRow(row store.TrustCertificate) string {
	c, err := x509.ParseCertificate(row.Certificate)
	if err != nil {
		return row.Subject
	}
	return NameOf(c)
}
