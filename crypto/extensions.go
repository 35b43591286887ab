package crypto

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
)

// Extensions that are looked up by their OID (RFC 5280 section 4.2.1).
var (
	basicConstraintsOID = asn1.ObjectIdentifier{2, 5, 29, 19}
	extKeyUsageOID      = asn1.ObjectIdentifier{2, 5, 29, 37}
	subjectAltNameOID   = asn1.ObjectIdentifier{2, 5, 29, 17}
	nameConstraintsOID  = asn1.ObjectIdentifier{2, 5, 29, 30}
)

func isCritical(cert *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Critical && e.Id.Equal(oid) })
}

func hasExtension(cert *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) })
}
