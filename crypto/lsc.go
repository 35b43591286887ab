package crypto

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
)

// MaxValidityDays is the longest validity of an LSC (parameter certificate_validity_days).
const MaxValidityDays = 1825

// clockAllowance is how far back a new certificate begins, for phones whose clock is slow.
const clockAllowance = time.Hour

// LSCTemplate says whom an LSC is for. Nothing else of a request reaches the certificate.
type LSCTemplate struct {
	Device     string // the device's name, which becomes the SAN when it is a DNS name
	CommonName string // the MIC's common name, or another; empty for the device's name
	// OrganizationalUnit is the OU; empty for the issuer's.
	OrganizationalUnit string
	SerialNumber       string // the serialNumber in the MIC's subject; may be empty
	SPKI               []byte // the phone's DER SubjectPublicKeyInfo
	ValidityDays       int    // 1 to MaxValidityDays
	Challenge          string // challengePassword of a request; empty for none, which most CAs want
}

// Issue signs an LSC (behaviour.md, The LSC) and returns its DER. The validity begins an
// hour ago, but not before the authority's, and is cut to the authority's end. The SAN
// holds the device name when that is a DNS name (labels of 1 to 63 letters, digits and
// inner hyphens, 253 characters in all); a name with an underscore, for example, gets no
// SAN, because a dNSName may not hold it. The key is checked again in full; which kinds
// are allowed is the caller's policy. An expired authority is ErrExpired.
//
// The cost is one signature; the standard library verifies it, which adds a few percent.
func (a *Authority) Issue(random io.Reader, l LSCTemplate, now time.Time) (der []byte, err error) {
	der, err = a.issue(random, l, now)
	if err != nil {
		return nil, fmt.Errorf("issuing an LSC for %q: %w", l.Device, err)
	}
	return der, nil
}

func (a *Authority) issue(random io.Reader, l LSCTemplate, now time.Time) ([]byte, error) {
	issuer := a.Leaf()
	pub, _, err := ParsePublicKey(l.SPKI)
	if err != nil {
		return nil, err
	}
	subject, err := l.Subject(issuer)
	if err != nil {
		return nil, err
	}
	notBefore, notAfter, err := lscValidity(issuer, l.ValidityDays, now)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial(random)
	if err != nil {
		return nil, err
	}
	keyID, err := keyIdentifier(l.SPKI)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		RawSubject:            subject,
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              lscKeyUsage(pub),
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageIPSECEndSystem},
		BasicConstraintsValid: true,
		DNSNames:              dnsNames(l.Device),
		SubjectKeyId:          keyID,
		AuthorityKeyId:        a.keyID,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
	return x509.CreateCertificate(random, template, issuer, pub, a.Key)
}

func (l LSCTemplate) commonName() string {
	if l.CommonName == "" {
		return l.Device
	}
	return l.CommonName
}

// dnsNames is the SAN of a device, nil when its name is not a DNS name.
func dnsNames(device string) []string {
	if !isDNSName(device) {
		return nil
	}
	return []string{device}
}

// lscValidity returns the first and last second of an LSC that is issued
// now.
func lscValidity(issuer *x509.Certificate, days int, now time.Time) (notBefore, notAfter time.Time, err error) {
	if days < 1 || days > MaxValidityDays {
		return notBefore, notAfter, fmt.Errorf("a validity of %d days: 1 to %d are allowed", days, MaxValidityDays)
	}
	if err := validAt(issuer, now); err != nil {
		return notBefore, notAfter, fmt.Errorf("CAPF certificate: %w", err)
	}
	now = now.UTC().Truncate(time.Second)
	notBefore, notAfter = now.Add(-clockAllowance), now.AddDate(0, 0, days)
	if notBefore.Before(issuer.NotBefore) {
		notBefore = issuer.NotBefore
	}
	if notAfter.After(issuer.NotAfter) {
		notAfter = issuer.NotAfter
	}
	return notBefore, notAfter, nil
}

func lscKeyUsage(pub any) x509.KeyUsage {
	if _, ec := pub.(*ecdsa.PublicKey); ec {
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	}
	return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
}

// newSerial draws a positive serial number of 128 bits.
func newSerial(random io.Reader) (*big.Int, error) {
	var b [16]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("drawing a serial number: %w", err)
		}
		if serial := new(big.Int).SetBytes(b[:]); serial.Sign() > 0 {
			return serial, nil
		}
	}
}

// keyIdentifier is method 1 of RFC 7093, which Go uses for CA certificates: the
// leftmost 160 bits of the SHA-256 of the key's bit string.
func keyIdentifier(spki []byte) ([]byte, error) {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return nil, fmt.Errorf("reading a public key: %w", err)
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20], nil
}

// isDNSName reports whether a device name may stand in a dNSName (RFC 1034 section
// 3.5 with the digits of RFC 1123).
func isDNSName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return true
}
