package crypto

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	// MaxCertificateFile is the largest file that ParseCertificates reads, in bytes.
	MaxCertificateFile = 1 << 20
	// MaxCertificates is how many certificates one file may hold.
	MaxCertificates = 100
)

// ParseCertificates reads a file that an operator uploads: PEM with one or many
// certificates and any text around them, or DER. All of it must be certificates:
// anything else is refused and named, a private key with ErrPrivateKey.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("the file is empty")
	case len(data) > MaxCertificateFile:
		return nil, fmt.Errorf("the file has %d bytes: at most %d are read", len(data), MaxCertificateFile)
	case bytes.Contains(data, []byte("PRIVATE KEY-----")):
		// Before any parsing, so that a damaged block cannot hide it.
		return nil, fmt.Errorf("the %w", ErrPrivateKey)
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return parsePEM(data)
	}
	return parseDER(data)
}

func parsePEM(data []byte) ([]*x509.Certificate, error) {
	rest := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // the mark that some Windows editors put first
	blocks := bytes.Count(rest, []byte("-----BEGIN "))
	if blocks > MaxCertificates {
		return nil, fmt.Errorf("the file holds %d PEM blocks: at most %d are read", blocks, MaxCertificates)
	}
	var certs []*x509.Certificate
	for n := 1; n <= blocks; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("the file holds a damaged PEM block")
		}
		if err := checkBlockType(block.Type); err != nil {
			return nil, err
		}
		cert, err := parseOne(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %w", n, err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func checkBlockType(blockType string) error {
	switch {
	case blockType == "CERTIFICATE" || blockType == "X509 CERTIFICATE":
		return nil
	case strings.HasSuffix(blockType, "CERTIFICATE REQUEST"):
		return errors.New("the file holds a certificate request, not a certificate")
	case blockType == "PKCS7" || blockType == "CMS":
		return errors.New("the file holds a PKCS#7 bundle: extract its certificates as PEM")
	}
	return fmt.Errorf("the file holds a PEM block %q, not a certificate", blockType)
}

// parseOne reads one certificate from a PEM block that claims to be one.
func parseOne(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		if what := identify(der); what != nil {
			return nil, what
		}
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	return cert, nil
}

// parseDER reads one certificate or several, one after the other.
func parseDER(data []byte) ([]*x509.Certificate, error) {
	certs, err := x509.ParseCertificates(data)
	if err == nil && len(certs) > MaxCertificates {
		return nil, fmt.Errorf("the file holds %d certificates: at most %d are read", len(certs), MaxCertificates)
	}
	if err == nil && len(certs) > 0 {
		return certs, nil
	}
	for rest := data; len(rest) > 0; {
		var element asn1.RawValue
		var derErr error
		if rest, derErr = asn1.Unmarshal(rest, &element); derErr != nil || element.Tag != asn1.TagSequence {
			return nil, errors.New("the file is neither PEM nor DER")
		}
		if what := identify(element.FullBytes); what != nil {
			return nil, what
		}
	}
	return nil, fmt.Errorf("reading a certificate: %w", err)
}

// identify says which other DER structure an operator has taken for a certificate, nil
// when it is none of the likely ones.
func identify(der []byte) error {
	if isPrivateKeyDER(der) {
		return fmt.Errorf("the %w", ErrPrivateKey)
	}
	if _, err := x509.ParseCertificateRequest(der); err == nil {
		return errors.New("the file holds a certificate request, not a certificate")
	}
	if _, err := x509.ParsePKIXPublicKey(der); err == nil {
		return errors.New("the file holds a public key, not a certificate")
	}
	if _, err := x509.ParseRevocationList(der); err == nil {
		return errors.New("the file holds a revocation list, not a certificate")
	}
	// RFC 7292 section 4: version 3 and a content info.
	var pfx struct {
		Version  int
		AuthSafe asn1.RawValue
		Mac      asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &pfx); err == nil && pfx.Version == 3 && pfx.AuthSafe.Tag == asn1.TagSequence {
		return errors.New("the file is a PKCS#12 store, which may hold a private key: export the certificates alone as PEM")
	}
	var content struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &content); err == nil && content.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return errors.New("the file holds a PKCS#7 bundle: extract its certificates as PEM")
	}
	return nil
}

// isPrivateKeyDER recognises PKCS#8, plain and encrypted, PKCS#1 and SEC 1 by their
// shape, of whatever algorithm.
func isPrivateKeyDER(der []byte) bool {
	var plain struct {
		Version    int
		Algorithm  algorithmID
		PrivateKey []byte
		Attributes asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &plain); err == nil {
		return true
	}
	var encrypted struct {
		Algorithm algorithmID
		Data      []byte
	}
	if _, err := asn1.Unmarshal(der, &encrypted); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}

type algorithmID struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// Fingerprint returns the SHA-256 of a certificate's DER, 64 lower-case hexadecimal digits.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// CertificatePEM returns certificates as PEM blocks, in the order given.
func CertificatePEM(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out
}
