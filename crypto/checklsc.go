package crypto

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// Expect says what an LSC from another CA must be.
type Expect struct {
	KeyHash    [32]byte // KeyHash of the phone's SubjectPublicKeyInfo
	CommonName string   // the common name asked for; case does not matter, as in device names
	Device     string   // the device's name, which the SAN may hold
	// Ahead is how far in the future the validity may begin: the CA's clock may be ahead of
	// ours.
	Ahead time.Duration
	// AnyPurpose accepts an extendedKeyUsage without clientAuth.
	AnyPurpose bool
}

// MaxLSC is the largest size of an LSC in bytes. A CAPF frame holds 16,384, and
// the phone's answer must hold the LSC, a MIC and both signatures. Real LSCs have
// a tenth of that.
const MaxLSC = 12 << 10

// CheckLSC refuses a certificate from another CA that cannot be the phone's LSC
// (behaviour.md, The LSC), whichever way it comes back. It must be no longer than MaxLSC
// and hold the phone's key. It must have exactly one common name, the one asked for, and
// a subjectAltName may name only the same device. It must not be a CA, must be valid now
// and have no unknown critical extension. Its keyUsage must have digitalSignature and,
// for RSA, keyEncipherment, without which secure registration fails; its extendedKeyUsage
// must allow clientAuth, for 802.1X and SIP over TLS; and its signature must use a hash
// better than SHA-1. Whether it chains to capf-trust is for VerifyPath, and what is
// merely unwise for DoubtsAboutLSC. Refusals are ErrUnsuitable, and also ErrOtherName,
// ErrNotYetValid, ErrExpired, ErrKeyUsage, ErrPurpose or ErrExtension where that is the
// reason.
func CheckLSC(der []byte, want Expect, now time.Time) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return unsuitable("reading the certificate: %v", err)
	}
	if len(der) > MaxLSC {
		return unsuitable("the certificate of %q has %d bytes, too many for a phone: at most %d", nameOf(cert), len(der), MaxLSC)
	}
	if KeyHash(cert.RawSubjectPublicKeyInfo) != want.KeyHash {
		return unsuitable("the certificate of %q holds another key than the phone's", nameOf(cert))
	}
	if err := want.checkNames(cert); err != nil {
		return err
	}
	if cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign != 0 {
		return unsuitable("the certificate of %q is a CA's", nameOf(cert))
	}
	if ahead := cert.NotBefore.Sub(now); ahead > 0 && ahead <= want.Ahead {
		now = cert.NotBefore
	}
	if err := validAt(cert, now); err != nil {
		return err
	}
	if len(cert.UnhandledCriticalExtensions) > 0 {
		return unsuitableFor(ErrExtension, "%q has the unknown critical extension %s", nameOf(cert), cert.UnhandledCriticalExtensions[0])
	}
	usage := x509.KeyUsageDigitalSignature
	if _, ok := cert.PublicKey.(*rsa.PublicKey); ok {
		usage |= x509.KeyUsageKeyEncipherment
	}
	if cert.KeyUsage&usage != usage {
		return unsuitableFor(ErrKeyUsage, "the certificate of %q has a keyUsage without %s", nameOf(cert), missingUsages(cert.KeyUsage, usage))
	}
	if err := checkClientAuth(cert); err != nil && !want.AnyPurpose {
		return err
	}
	return checkSignatureHash(cert)
}

// checkNames refuses a certificate that names anything but the device.
func (want Expect) checkNames(cert *x509.Certificate) error {
	if names := commonNames(cert); names > 1 {
		return unsuitableFor(ErrOtherName, "the certificate has %d common names", names)
	}
	if !sameName(cert.Subject.CommonName, want.CommonName) {
		return unsuitableFor(ErrOtherName, "the certificate's common name is %q instead of %q", cert.Subject.CommonName, want.CommonName)
	}
	other := func(name string) error {
		return unsuitableFor(ErrOtherName, "the subjectAltName of the certificate of %q names %q", nameOf(cert), name)
	}
	for _, name := range cert.DNSNames {
		if !want.isOwn(name) {
			return other(name)
		}
	}
	for _, ip := range cert.IPAddresses {
		return other(ip.String())
	}
	for _, uri := range cert.URIs {
		if host := uri.Hostname(); host != "" && !want.isOwn(host) {
			return other(uri.String())
		}
	}
	return nil
}

// isOwn reports whether a DNS name is the device's, in any domain.
func (want Expect) isOwn(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return sameName(name, want.CommonName) || sameName(name, want.Device) ||
		sameName(first, want.CommonName) || sameName(first, want.Device)
}

// DoubtsAboutLSC says what is unwise about a certificate from another CA that CheckLSC
// accepts. path leads from it to an anchor, as VerifyPath returns it, or is the
// certificate alone.
func DoubtsAboutLSC(path []*x509.Certificate, want Expect) (doubts []string) {
	cert := path[0]
	if len(path) > 1 && cert.NotAfter.After(path[1].NotAfter) {
		doubts = append(doubts, fmt.Sprintf("it outlives its issuer, which ends on %s: from then on, it is refused by whatever checks the path", path[1].NotAfter.UTC().Format(time.DateOnly)))
	}
	switch cert.SignatureAlgorithm {
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		doubts = append(doubts, "it is signed with RSASSA-PSS, which phones are not known to verify")
	}
	switch cert.SerialNumber.Sign() {
	case 0:
		doubts = append(doubts, "its serial number is zero, which RFC 5280 does not allow")
	case -1:
		doubts = append(doubts, "its serial number is negative, which RFC 5280 does not allow")
	}
	if cert.Subject.CommonName != want.CommonName {
		doubts = append(doubts, fmt.Sprintf("its common name %q is written otherwise than %q, which some call servers compare letter by letter", cert.Subject.CommonName, want.CommonName))
	}
	return doubts
}

// checkSignatureHash refuses a signature over MD5 or SHA-1, or one of an unknown
// algorithm.
func checkSignatureHash(cert *x509.Certificate) error {
	switch cert.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return nil
	}
	return unsuitable("the certificate of %q is signed with %s: SHA-256 or better is needed", nameOf(cert), cert.SignatureAlgorithm)
}

// missingUsages names the usages of want that have lacks.
func missingUsages(have, want x509.KeyUsage) string {
	var names []string
	for _, u := range []struct {
		bit  x509.KeyUsage
		name string
	}{
		{x509.KeyUsageDigitalSignature, "digitalSignature"},
		{x509.KeyUsageKeyEncipherment, "keyEncipherment"},
		{x509.KeyUsageCertSign, "keyCertSign"},
	} {
		if want&^have&u.bit != 0 {
			names = append(names, u.name)
		}
	}
	return strings.Join(names, " and ")
}
