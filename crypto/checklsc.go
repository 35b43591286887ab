package crypto

import (
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"time"
)

// Expect says what an LSC from an external CA must be.
type Expect struct {
	KeyHash    [32]byte // KeyHash of the phone's SubjectPublicKeyInfo
	CommonName string   // the common name asked for; case does not matter, as in device names
	// Ahead is by how much the validity may begin after now: the CA's clock need not be ours.
	Ahead time.Duration
}

// MaxLSC is how many bytes an LSC may have. A CAPF frame holds 16,384, and in the
// phone's answer its LSC needs room for a MIC and their signatures beside it; what
// phones and CAs make has a tenth of that.
const MaxLSC = 12 << 10

// CheckLSC checks a certificate that an external CA returned before it is stored or
// sent (behaviour.md, The LSC): no longer than MaxLSC, the phone's key, the common name, no CA, valid now,
// keyUsage digitalSignature and (RSA) keyEncipherment, without which secure
// registration fails, and a signature with a hash better than SHA-1. Whether it chains
// to capf-trust is for VerifyPath. Refusals are ErrUnfit, and ErrOtherName, ErrNotYetValid,
// ErrExpired, ErrKeyUsage or ErrExtension where that is the reason.
func CheckLSC(der []byte, want Expect, now time.Time) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return unfit("reading the certificate: %v", err)
	}
	if len(der) > MaxLSC {
		return unfit("the certificate of %q has %d bytes, too many for a phone: at most %d", nameOf(cert), len(der), MaxLSC)
	}
	if KeyHash(cert.RawSubjectPublicKeyInfo) != want.KeyHash {
		return unfit("the certificate of %q holds another key than the phone's", nameOf(cert))
	}
	if !strings.EqualFold(cert.Subject.CommonName, want.CommonName) {
		return unfitFor(ErrOtherName, "the certificate's common name is %q instead of %q", cert.Subject.CommonName, want.CommonName)
	}
	if cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign != 0 {
		return unfit("the certificate of %q is a CA's", nameOf(cert))
	}
	if ahead := cert.NotBefore.Sub(now); ahead > 0 && ahead <= want.Ahead {
		now = cert.NotBefore
	}
	if err := validAt(cert, now); err != nil {
		return err
	}
	if len(cert.UnhandledCriticalExtensions) > 0 {
		return unfitFor(ErrExtension, "%q has the unknown critical extension %s", nameOf(cert), cert.UnhandledCriticalExtensions[0])
	}
	usage := x509.KeyUsageDigitalSignature
	if _, ok := cert.PublicKey.(*rsa.PublicKey); ok {
		usage |= x509.KeyUsageKeyEncipherment
	}
	if cert.KeyUsage&usage != usage {
		return unfitFor(ErrKeyUsage, "the certificate of %q has a keyUsage without %s", nameOf(cert), missingUsages(cert.KeyUsage, usage))
	}
	return checkSignatureHash(cert)
}

// checkSignatureHash refuses certificates signed over MD5 or SHA-1, or in a way that is
// not known.
func checkSignatureHash(cert *x509.Certificate) error {
	switch cert.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return nil
	}
	return unfit("the certificate of %q is signed with %s: SHA-256 or better is needed", nameOf(cert), cert.SignatureAlgorithm)
}

// missingUsages names the bits of want that are not in have.
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
