package crypto

import (
	"crypto/x509"
	"slices"
	"strings"
)

// phonePurposes are what an LSC is used for: it is a client's certificate for
// 802.1X and SIP over TLS, and a server's when the phone is called directly.
var phonePurposes = []struct {
	usage x509.ExtKeyUsage
	name  string
}{
	{x509.ExtKeyUsageServerAuth, "serverAuth"},
	{x509.ExtKeyUsageClientAuth, "clientAuth"},
}

// CheckIssuerPurposes refuses, with ErrUnsuitable and the reason, a CA whose
// extendedKeyUsage excludes what LSCs are used for. RFC 5280 gives the extension no
// meaning in a CA certificate, but OpenSSL, GnuTLS and Go, and therefore RADIUS
// servers and proxies, apply it to everything that the CA has issued. A CA without the
// extension may issue for all purposes. anyExtendedKeyUsage is not enough, since
// OpenSSL does not count it as any purpose.
func CheckIssuerPurposes(cert *x509.Certificate) error {
	if len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0 {
		return nil
	}
	var missing []string
	for _, p := range phonePurposes {
		if !slices.Contains(cert.ExtKeyUsage, p.usage) {
			missing = append(missing, p.name)
		}
	}
	if missing == nil {
		return nil
	}
	return unsuitable("%q has an extendedKeyUsage without %s, so that verifiers refuse the LSCs below it", nameOf(cert), strings.Join(missing, " and "))
}
