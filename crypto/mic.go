package crypto

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
)

// micName is the form of the names in MICs and SUDIs: the product in capitals, a
// hyphen and the phone's own name, which is three letters and its MAC address. People
// and servers with certificates of the same CA have names of other forms.
var micName = regexp.MustCompile(`^[A-Z0-9][A-Z0-9+./=_-]*-([A-Za-z]{3}[0-9A-Fa-f]{12})$`)

// CheckMIC refuses, with ErrUnsuitable and the reason, a certificate that cannot be the MIC
// of the device: its one common name is the device's, or the product's and the device's
// (CP-8861-SEP001122334455); it is no CA; and its keyUsage and extendedKeyUsage, where
// present, allow client authentication. Whether a manufacturer issued it is for
// VerifyPath.
func CheckMIC(cert *x509.Certificate, device string) error {
	name := cert.Subject.CommonName
	switch names := commonNames(cert); {
	case names != 1:
		return unsuitable("the certificate has %d common names instead of one", names)
	case commonName.check(name) != nil:
		return unsuitable("%v", commonName.check(name))
	case !micOf(name, device):
		return unsuitable("%q is not the name of a MIC of the device", name)
	case cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign != 0:
		return unsuitable("%q is a CA", name)
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return unsuitable("%q has a keyUsage without digitalSignature", name)
	}
	return checkClientAuth(cert)
}

func micOf(name, device string) bool {
	if sameName(name, device) {
		return true
	}
	m := micName.FindStringSubmatch(name)
	return m != nil && strings.EqualFold(m[1], device)
}

// checkClientAuth refuses an extendedKeyUsage with neither clientAuth nor
// anyExtendedKeyUsage. Whether it is critical makes no difference (RFC 5280 section
// 4.2.1.12).
func checkClientAuth(cert *x509.Certificate) error {
	if !hasExtension(cert, extKeyUsageOID) ||
		slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	return unsuitableFor(ErrPurpose, "%q has an extendedKeyUsage without clientAuth", nameOf(cert))
}
