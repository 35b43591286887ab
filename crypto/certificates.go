package crypto

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
)

// Fingerprint returns the SHA-256 of a certificate's DER, 64 lower-case hexadecimal digits.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// RawFingerprint returns the SHA-256 of a DER certificate as its 32 bytes, by
// which the store finds it.
func RawFingerprint(der []byte) []byte {
	sum := sha256.Sum256(der)
	return sum[:]
}

// DisplayName returns what people call a certificate: its common name, or the
// whole subject of one that has none.
func DisplayName(cert *x509.Certificate) string {
	if cert.Subject.CommonName != "" {
		return cert.Subject.CommonName
	}
	return cert.Subject.String()
}

// CertificatePEM returns certificates as PEM blocks, in the order given.
func CertificatePEM(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}
