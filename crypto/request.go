package crypto

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// NewRequest builds the PKCS#10 request for an LSC that another CA is to sign.
// Subject and extensions are those that our own LSC would have: C, O and OU
// are the CAPF certificate's, since the CA's certificate is not known. The
// signer stands for the phone, which signs the SHA-256 of the request with its
// new private key. Its error is returned wrapped. A signature that does not
// verify is an error too.
func NewRequest(capf *x509.Certificate, l LSCTemplate, signer stdcrypto.Signer) ([]byte, error) {
	_, kind, err := ParsePublicKey(l.SPKI)
	if err != nil {
		return nil, err
	}
	subject, err := l.Subject(capf)
	if err != nil {
		return nil, err
	}
	extensions, err := requestedExtensions(kind)
	if err != nil {
		return nil, err
	}
	algorithm := x509.SHA256WithRSA
	if kind.IsEC() {
		algorithm = x509.ECDSAWithSHA256
	}
	t := &x509.CertificateRequest{RawSubject: subject, ExtraExtensions: extensions, DNSNames: dnsNames(l.Device), SignatureAlgorithm: algorithm}
	var der []byte
	if l.Challenge == "" {
		der, err = x509.CreateCertificateRequest(rand.Reader, t, signer)
	} else {
		der, err = challengedRequest(t, l, signer)
	}
	if err != nil {
		return nil, fmt.Errorf("making a certificate request for %q: %w", l.Device, err)
	}
	return der, nil
}

// requestedExtensions are the key usages of an LSC (behaviour.md, The LSC).
func requestedExtensions(kind KeyKind) ([]pkix.Extension, error) {
	usage, err := keyUsageExtension(kind)
	if err != nil {
		return nil, err
	}
	purposes, err := purposesExtension()
	return []pkix.Extension{usage, purposes}, err
}

// purposesExtension is the EKU of an LSC: serverAuth, clientAuth, ipsecEndSystem.
func purposesExtension() (pkix.Extension, error) {
	value, err := asn1.Marshal([]asn1.ObjectIdentifier{
		{1, 3, 6, 1, 5, 5, 7, 3, 1}, {1, 3, 6, 1, 5, 5, 7, 3, 2}, {1, 3, 6, 1, 5, 5, 7, 3, 5},
	})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: value}, err
}

// keyUsageExtension has digitalSignature and, for RSA, keyEncipherment, for EC
// keyAgreement (RFC 5280, section 4.2.1.3: bits 0, 2 and 4 from the left).
func keyUsageExtension(kind KeyKind) (pkix.Extension, error) {
	bits := asn1.BitString{Bytes: []byte{0x80 | 0x20}, BitLength: 3}
	if kind.IsEC() {
		bits = asn1.BitString{Bytes: []byte{0x80 | 0x08}, BitLength: 5}
	}
	value, err := asn1.Marshal(bits)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: value}, err
}
