// Package certfile reads X.509 certificates in whatever wrapping people, tools
// and CAs hand them over: PEM, DER, PKCS#7, bare base64, with the line ends,
// indents and encodings that editors and mail programs leave behind. When a
// file holds no certificate, it says what the file is instead. It does not
// know what a certificate means or who may have it.
package certfile

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
)

const (
	// MaxFile is the largest file that Parse reads, in bytes.
	MaxFile = 1 << 20
	// MaxCertificates is how many certificates Parse takes from one file.
	MaxCertificates = 100
)

// Parse reads a file that must hold nothing but certificates: in PEM, with any
// text around it, or in one of the other forms. Anything else in it is refused
// and named: a private key with ErrPrivateKey, an HTML page with ErrPage.
func Parse(data []byte) ([]*x509.Certificate, error) {
	switch {
	case len(data) > MaxFile:
		return nil, fmt.Errorf("it has %d bytes: at most %d are read", len(data), MaxFile)
	case bytes.Contains(data, []byte("PRIVATE KEY-----")):
		// Before any parsing, so that a damaged block cannot hide it.
		return nil, errKey
	}
	var certs []*x509.Certificate
	err := Split(bytes.NewReader(data), MaxFile, func(p Piece) error {
		if p.Err != nil {
			return p.Err
		}
		some, err := Certificates(p.Data)
		if err == nil && len(certs)+len(some) > MaxCertificates {
			return fmt.Errorf("it holds more than %d certificates, which is the limit", MaxCertificates)
		}
		if err != nil && p.Block > 1 {
			return fmt.Errorf("PEM block %d: %w", p.Block, err)
		}
		certs = append(certs, some...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return certs, nil
}

// Certificates reads one piece of a file: a PEM block, DER with one or several
// certificates in a row, or a PKCS#7 message, which may be BER. The label of a
// PEM block matters only when it names something that is no certificate:
// Microsoft's tools label a PKCS#7 message CERTIFICATE.
func Certificates(piece []byte) ([]*x509.Certificate, error) {
	der, trusted := piece, false
	if bytes.HasPrefix(piece, []byte(begin)) {
		block, _ := pem.Decode(piece)
		if block == nil {
			return nil, errDamaged
		}
		if err := checkLabel(block.Type); err != nil {
			return nil, err
		}
		der, trusted = block.Bytes, block.Type == trustedLabel
	}
	if certs, is, err := fromPKCS7(der); is {
		return certs, err
	}
	var certs []*x509.Certificate
	for rest := der; ; {
		var element asn1.RawValue
		after, err := asn1.Unmarshal(rest, &element)
		if err != nil || element.Tag != asn1.TagSequence {
			return nil, errNothing
		}
		cert, err := x509.ParseCertificate(element.FullBytes)
		if err != nil {
			return nil, notCertificate(element.FullBytes, err)
		}
		certs, rest = append(certs, cert), after
		// OpenSSL's TRUSTED CERTIFICATE has its trust settings behind the certificate.
		if trusted || isBlank(rest) {
			return certs, nil
		}
	}
}

// isBlank reports whether rest is only what editors and transfers leave at
// the end of a file.
func isBlank(rest []byte) bool { return len(bytes.TrimRight(rest, " \t\r\n")) == 0 }
