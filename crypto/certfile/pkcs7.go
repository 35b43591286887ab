package certfile

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
)

// fromPKCS7 reads the certificates of a PKCS#7 message. Its own signature is not
// checked, since each certificate has one. The result is is false when data is
// something else.
func fromPKCS7(data []byte) (certs []*x509.Certificate, is bool, err error) {
	chain, is := pkcs7Certificates(data)
	if !is && looksLikePKCS7(data) {
		der, rest, err := definite(data)
		if err != nil {
			return nil, true, fmt.Errorf("it begins like a PKCS#7 and is damaged (%w)", err)
		}
		if !isBlank(rest) {
			return nil, true, errors.New("something follows after the PKCS#7 in it")
		}
		chain, is = pkcs7Certificates(der)
	}
	if !is {
		return nil, false, nil
	}
	certs, err = x509.ParseCertificates(chain)
	switch {
	case err != nil:
		return nil, true, unreadable(chain, fmt.Errorf("it is a PKCS#7 with a damaged certificate (%w)", err))
	case len(certs) == 0:
		return nil, true, errors.New("it is a PKCS#7 without a certificate")
	}
	return certs, true, nil
}

// looksLikePKCS7 reports whether data begins with the type of a PKCS#7 message,
// after the header of a SEQUENCE.
func looksLikePKCS7(data []byte) bool {
	return len(data) > 0 && data[0] == 0x30 && bytes.Contains(data[:min(len(data), 6+len(signedDataDER()))], signedDataDER())
}

// pkcs7Certificates returns the certificates of a PKCS#7 message as
// consecutive DER: they are element [0] of its SignedData (RFC 2315, section
// 9.1).
func pkcs7Certificates(der []byte) (certs []byte, ok bool) {
	var message struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	var signed, element asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &message); err != nil || !isBlank(rest) || !message.Type.Equal(signedData()) {
		return nil, false
	}
	if _, err := asn1.Unmarshal(message.Content.Bytes, &signed); err != nil || signed.Tag != asn1.TagSequence {
		return nil, false
	}
	for rest := signed.Bytes; len(rest) > 0; {
		var err error
		if rest, err = asn1.Unmarshal(rest, &element); err != nil {
			return nil, false
		}
		if element.Class == asn1.ClassContextSpecific && element.Tag == 0 {
			certs = element.Bytes
		}
	}
	return certs, true
}

func signedData() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2} }

func signedDataDER() []byte { return []byte{0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2} }
