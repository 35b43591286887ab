package onlineca

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
)

// oddError is about certificates that a CA has sent and nobody can read: they
// are live at the CA, so that their bytes are kept for an operator to revoke
// them by.
type oddError struct {
	all [][]byte // DER as it came
	err error
}

func (e *oddError) Error() string { return fmt.Sprintf("a certificate that cannot be read: %v", e.err) }
func (e *oddError) Unwrap() error { return e.err }

// oddCertificate is what came for a request in an answer that cannot be used, by
// the error of certificates: that with the request's key, or else the first. It
// is nil when none came.
func oddCertificate(err error, csr *x509.CertificateRequest) []byte {
	var odd *oddError
	if !errors.As(err, &odd) {
		return nil
	}
	for _, der := range odd.all {
		if csr != nil && bytes.Contains(der, csr.RawSubjectPublicKeyInfo) {
			return der
		}
	}
	return odd.all[0]
}

// oddCertificates finds what has the outer form of certificates, alone or in a
// PKCS#7 message, whatever is in them.
func oddCertificates(ber []byte) [][]byte {
	der, _, err := Definite(ber)
	if err != nil {
		return nil
	}
	if hasFormOfCertificate(der) {
		return [][]byte{der}
	}
	var message struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &message); err != nil || !message.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return nil
	}
	var signed struct { // what follows is of no interest
		Version                        int
		Digests, Content, Certificates asn1.RawValue
	}
	if _, err := asn1.Unmarshal(message.Content.Bytes, &signed); err != nil ||
		signed.Certificates.Class != asn1.ClassContextSpecific || signed.Certificates.Tag != 0 {
		return nil
	}
	var all [][]byte
	for rest := signed.Certificates.Bytes; len(rest) > 0 && len(all) < maxCertificates; {
		var one asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &one); err != nil {
			break
		}
		if hasFormOfCertificate(one.FullBytes) {
			all = append(all, one.FullBytes)
		}
	}
	return all
}

// hasFormOfCertificate says whether der is something, an algorithm and a signature
// over it.
func hasFormOfCertificate(der []byte) bool {
	var form struct {
		Signed    asn1.RawValue
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &form)
	return err == nil && len(rest) == 0 && form.Signed.Tag == asn1.TagSequence && form.Signed.IsCompound
}
