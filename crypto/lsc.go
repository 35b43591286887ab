package crypto

import (
	stdcrypto "crypto"
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

// LSC says for whom an LSC is made. Nothing else of a request reaches the certificate.
type LSC struct {
	Device       string // the device's name, which becomes the SAN when it can
	CommonName   string // the MIC's common name; empty for the device's name
	SerialNumber string // the serialNumber in the MIC's subject; may be empty
	SPKI         []byte // the phone's DER SubjectPublicKeyInfo
	ValidityDays int    // 1 to MaxValidityDays
}

// Issue signs an LSC (behaviour.md, The LSC) and returns its DER. The validity begins
// an hour ago, but not before the authority's, and is cut to the authority's end. The
// SAN holds the device name when that is a DNS name (labels of 1 to 63 letters, digits
// and inner hyphens, 253 characters in all); a name with an underscore, for one, gets
// no SAN because a dNSName may not hold it. The whole key is checked again here; which
// kinds are allowed is the caller's policy. An authority that has expired is ErrExpired.
//
// The cost is one signature.
func (a *Authority) Issue(random io.Reader, l LSC, now time.Time) (der []byte, err error) {
	der, err = a.issue(random, l, now)
	if err != nil {
		return nil, fmt.Errorf("issuing an LSC for %q: %w", l.Device, err)
	}
	return der, nil
}

func (a *Authority) issue(random io.Reader, l LSC, now time.Time) ([]byte, error) {
	issuer := a.Leaf()
	_, kind, err := ParsePublicKey(l.SPKI)
	if err != nil {
		return nil, err
	}
	subject, err := Subject(issuer, l.commonName(), l.SerialNumber)
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
	// ParsePublicKey has made sure that the SPKI is DER and nothing else.
	return a.sign(random, der(tagSequence,
		der(tagContextHolding|0, derPositive(big.NewInt(2))), // version 3
		derPositive(serial),
		sha256WithRSA(),
		issuer.RawSubject,
		der(tagSequence, derTime(notBefore), derTime(notAfter)),
		subject,
		l.SPKI,
		der(tagContextHolding|3, der(tagSequence, a.extensions(kind, keyID, l.Device)...)),
	))
}

// sign makes a certificate of what it is to say.
func (a *Authority) sign(random io.Reader, content []byte) ([]byte, error) {
	digest := sha256.Sum256(content)
	signature, err := a.Key.Sign(random, digest[:], stdcrypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return der(tagSequence, content, sha256WithRSA(), derBits(0, signature...)), nil
}

// sha256WithRSA is the AlgorithmIdentifier (RFC 4055, section 5).
func sha256WithRSA() []byte {
	return []byte{tagSequence, 13, tagOID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00}
}

// extensions are those of an LSC (RFC 5280, section 4.2.1).
func (a *Authority) extensions(kind KeyKind, keyID []byte, device string) [][]byte {
	usage := derBits(5, 0x80|0x20) // digitalSignature, keyEncipherment
	if kind.IsEC() {
		usage = derBits(3, 0x80|0x08) // digitalSignature, keyAgreement
	}
	list := [][]byte{
		derExtension(15, true, usage),
		derExtension(37, false, derPurposes(1, 2, 5)), // serverAuth, clientAuth, ipsecEndSystem
		derExtension(19, true, der(tagSequence)),      // basicConstraints: no CA
		derExtension(14, false, der(tagOctets, keyID)),
		derExtension(35, false, der(tagSequence, der(tagContext|0, a.keyID))),
	}
	if isDNSName(device) {
		list = append(list, derExtension(17, false, der(tagSequence, der(tagContext|2, []byte(device)))))
	}
	return list
}

func (l LSC) commonName() string {
	if l.CommonName == "" {
		return l.Device
	}
	return l.CommonName
}

// dnsNames is the SAN of a device, nil when its name cannot be one.
func dnsNames(device string) []string {
	if !isDNSName(device) {
		return nil
	}
	return []string{device}
}

// lscValidity returns the first and last second of an LSC that is made now.
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

// keyIdentifier is method 1 of RFC 7093: the left 160 bits of the SHA-256 of the key's
// bit string, as Go writes it into CA certificates.
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

// isDNSName tells whether a device name may stand in a dNSName (RFC 1034 section 3.5
// with the digits of RFC 1123).
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
