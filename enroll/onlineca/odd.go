package onlineca

import (
	"bytes"
	"crypto/x509"
	"errors"

	"capf/crypto/certfile"
)

// oddCertificate is what came for a request in an answer that cannot be used, by
// the error of certificates: that with the request's key, or else the first. It
// is nil when none came.
func oddCertificate(err error, csr *x509.CertificateRequest) []byte {
	var odd *certfile.UnreadableError
	if !errors.As(err, &odd) {
		return nil
	}
	for _, der := range odd.Certificates {
		if csr != nil && bytes.Contains(der, csr.RawSubjectPublicKeyInfo) {
			return der
		}
	}
	return odd.Certificates[0]
}
