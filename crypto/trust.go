package crypto

import (
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"strings"
	"time"
)

// Purpose is the trust store that a certificate is meant for.
type Purpose string

// The stores that certificates are uploaded to. The CAPF certificate itself (purpose
// capf) comes with a key and is checked by LoadAuthority.
const (
	PurposeCAPFTrust        Purpose = "capf-trust"
	PurposeCallManagerTrust Purpose = "callmanager-trust"
	PurposePhoneSASTTrust   Purpose = "phone-sast-trust"
	PurposeTVSTrust         Purpose = "tvs-trust"
)

// CheckTrust refuses, with ErrUnsuitable and the reason, a certificate that may not go into a
// trust store (behaviour.md, Trust stores and uploads): one that has expired, a wildcard
// in the common name or in a dNSName, a CA whose common name contains CAPF- unless it is
// marked as a foreign cluster's CAPF certificate, and a certificate that is not a CA
// where one is needed.
//
// callmanager-trust needs a CA: the chapter puts the CA root there and never the HTTPS
// certificate. capf-trust takes a CA, or the certificate of an online CA's HTTPS
// server, which may have an issuer other than that of the LSCs: a leaf whose
// extendedKeyUsage is absent or has serverAuth. phone-sast-trust takes what can sign a
// list of phones, and tvs-trust what a TLS server shows; most of them are self-signed.
// A validity that has not begun is no reason to refuse: it is checked when the
// certificate is used.
func CheckTrust(cert *x509.Certificate, purpose Purpose, foreignCAPF bool, now time.Time) error {
	name := nameOf(cert)
	if now.After(cert.NotAfter) {
		return validAt(cert, now)
	}
	if cert.PublicKey == nil {
		return unsuitable("%q has a key of an algorithm that is not known", name)
	}
	if strings.Contains(cert.Subject.CommonName, "*") {
		return unsuitable("%q has a wildcard subject", name)
	}
	for _, dns := range cert.DNSNames {
		if strings.Contains(dns, "*") {
			return unsuitable("%q has the wildcard name %q", name, dns)
		}
	}
	ca := IsAnchorCA(cert)
	if ca && strings.Contains(cert.Subject.CommonName, "CAPF-") && !foreignCAPF {
		return unsuitable("the common name %q contains CAPF-, which is reserved for CAPF certificates", cert.Subject.CommonName)
	}
	switch purpose {
	case PurposeCAPFTrust:
		if !ca && !isHTTPSLeaf(cert) {
			return unsuitable("%q is neither a CA nor the certificate of an HTTPS server", name)
		}
	case PurposeCallManagerTrust:
		if !ca {
			return unsuitable("%q is not a CA: %s holds CA certificates only", name, purpose)
		}
	case PurposePhoneSASTTrust:
		return signsLists(cert)
	case PurposeTVSTrust:
	default:
		return unsuitable("%q is not a trust store", string(purpose))
	}
	return nil
}

// signsLists refuses a certificate whose key cannot sign a list of phones: that is RSA,
// of a size that has a number in the header of lists.
func signsLists(cert *x509.Certificate) error {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return unsuitable("%q has no RSA key, and only RSA keys sign the lists of phones", nameOf(cert))
	}
	switch bits := key.N.BitLen(); bits {
	case 512, 1024, 2048, 4096:
		return nil
	default:
		return unsuitable("%q has an RSA key of %d bits, and lists of phones are signed with 1024, 2048 or 4096", nameOf(cert), bits)
	}
}

// IsManufacturer recognises the manufacturer's CAs, which issue MICs and SUDIs, by the
// names in the certificates or of their files. The vendor's lists have underscores
// where some certificates have blanks.
func IsManufacturer(cert *x509.Certificate) bool {
	switch strings.ToLower(strings.ReplaceAll(cert.Subject.CommonName, "_", " ")) {
	case "cap-rtp-001", "cap-rtp-002", "cisco manufacturing ca", "cisco manufacturing ca sha2",
		"cisco root ca 2048", "cisco root ca m2", "act2 sudi ca", "high assurance sudi ca":
		return true
	}
	return false
}

// IsAnchorCA reports whether VerifyPath accepts the certificate as an anchor that issues
// others: a CA that may sign certificates, or a self-signed certificate of version 1.
func IsAnchorCA(cert *x509.Certificate) bool {
	return isCA(cert, true) && (cert.KeyUsage == 0 || cert.KeyUsage&x509.KeyUsageCertSign != 0)
}

func isHTTPSLeaf(cert *x509.Certificate) bool {
	if len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
}
