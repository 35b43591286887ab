package certfile

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"capf/internal/apperr"
)

// What a caller may want to tell apart with errors.Is.
var (
	// ErrPrivateKey marks a file with a private key in it: no part of it may be kept.
	ErrPrivateKey = errors.New("it holds a private key")
	// ErrPage marks an HTML page, such as one that a CA served in place of the
	// certificate.
	ErrPage = errors.New("it is a page of HTML")
	// ErrRequest marks a PKCS#10 request.
	ErrRequest = errors.New("it is a certificate request")
)

// What people and CAs hand over instead of certificates, and how to get at the certificates. FILE
// stands for the name of the file, which is not known here.
var (
	errEmpty     = errors.New("it is empty")
	errNothing   = errors.New("it is neither PEM nor DER nor base64")
	errDamaged   = errors.New("it holds a damaged PEM block")
	errHTML      = apperr.New(ErrPage, "it is a page of HTML: download the certificate itself, not the page")
	errCSR       = apperr.New(ErrRequest, "it is a certificate request, which a CA still has to sign; what is in it: openssl req -in FILE -noout -text")
	errPublicKey = errors.New("it is a public key, which a CA still has to certify; what is in it: openssl pkey -pubin -in FILE -noout -text")
	errCRL       = errors.New("it is a revocation list, not a certificate; what is in it: openssl crl -in FILE -noout -text")
	errPKCS12    = errors.New("it is a PKCS#12 store, which may hold a private key; its certificates alone: openssl pkcs12 -in FILE -nokeys -out certificates.pem")
	errKey       = apperr.New(ErrPrivateKey, "it holds a private key, which does not belong here; its certificate alone, if it has one: openssl x509 -in FILE -out certificate.pem")
)

// otherFormat recognises, by the head of a file, archives and key stores, from
// which certificates must be extracted first. The error says how; it is nil for
// anything else.
func otherFormat(head []byte) error {
	for _, known := range []struct {
		at          int
		magic, text string
	}{
		{0, "PK\x03\x04", "it is a zip archive; unpack it: unzip FILE"},
		{0, "\x1f\x8b", "it is compressed with gzip; unpack it: gunzip FILE, or tar xzf FILE"},
		{257, "ustar", "it is a tar archive; unpack it: tar xf FILE"},
		{0, "BZh", "it is compressed with bzip2; unpack it: bunzip2 FILE, or tar xjf FILE"},
		{0, "\xfd7zXZ\x00", "it is compressed with xz; unpack it: unxz FILE, or tar xJf FILE"},
		{0, "7z\xbc\xaf\x27\x1c", "it is a 7z archive; unpack it: 7z x FILE"},
		{0, "Rar!\x1a\x07", "it is a rar archive; unpack it: unrar x FILE"},
		{0, "MSCF\x00\x00\x00\x00", "it is a cabinet archive; unpack it: cabextract FILE"},
		{0, "\x00\x00\x00\x00CERT", "it is a serialized store of Windows: export the certificates as PKCS#7 (.p7b) from certmgr.msc"},
		{0, "\xfe\xed\xfe\xed", "it is a Java key store, which may hold a private key; one certificate of it: keytool -exportcert -rfc -keystore FILE -alias ALIAS -file certificate.pem"},
	} {
		if len(head) >= known.at && bytes.HasPrefix(head[known.at:], []byte(known.magic)) {
			return errors.New(known.text)
		}
	}
	return nil
}

// trustedLabel is OpenSSL's own kind of PEM block.
const trustedLabel = "TRUSTED CERTIFICATE"

// checkLabel refuses a PEM block whose label names something that is no
// certificate.
func checkLabel(label string) error {
	switch {
	case label == "CERTIFICATE", label == "X509 CERTIFICATE", label == trustedLabel,
		label == "PKCS7", label == "CMS", label == "PKCS #7 SIGNED DATA":
		return nil
	case strings.HasSuffix(label, "CERTIFICATE REQUEST"):
		return errCSR
	case strings.HasSuffix(label, "PRIVATE KEY"):
		return errKey
	case strings.HasSuffix(label, "PUBLIC KEY"):
		return errPublicKey
	case strings.HasSuffix(label, "CRL"):
		return errCRL
	}
	return fmt.Errorf("it is a PEM block %q, not a certificate", label)
}

// notCertificate says what a DER structure is when it could not be read as
// a certificate, which failed with err.
func notCertificate(der []byte, err error) error {
	if isPrivateKeyDER(der) {
		return errKey
	}
	if _, other := x509.ParseCertificateRequest(der); other == nil {
		return errCSR
	}
	if _, other := x509.ParsePKIXPublicKey(der); other == nil {
		return errPublicKey
	}
	if _, other := x509.ParseRevocationList(der); other == nil {
		return errCRL
	}
	// RFC 7292 section 4: a PFX has version 3 and a ContentInfo.
	var pfx struct {
		Version  int
		AuthSafe asn1.RawValue
		Mac      asn1.RawValue `asn1:"optional"`
	}
	if _, other := asn1.Unmarshal(der, &pfx); other == nil && pfx.Version == 3 && pfx.AuthSafe.Tag == asn1.TagSequence {
		return errPKCS12
	}
	return unreadable(der, fmt.Errorf("reading a certificate: %w", err))
}

// isPrivateKeyDER recognises PKCS#8 (plain and encrypted), PKCS#1 and SEC 1
// by their shape, whatever the algorithm.
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
