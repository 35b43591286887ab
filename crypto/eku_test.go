package crypto_test

import (
	"crypto/x509"
	"encoding/asn1"
	"os/exec"
	"strconv"
	"testing"

	"capf/crypto"
)

// TestCheckIssuerPurposes asks openssl whether an LSC below a CA is of use as a
// client's and as a server's certificate.
func TestCheckIssuerPurposes(t *testing.T) {
	t.Parallel()
	const (
		server, client, ipsec = x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageIPSECEndSystem
		anyUse                = x509.ExtKeyUsageAny
	)
	for _, test := range []struct {
		name    string
		known   []x509.ExtKeyUsage
		unknown []asn1.ObjectIdentifier
		want    string // what is missing
	}{
		{name: "none"},
		{name: "as asked for", known: []x509.ExtKeyUsage{server, client, ipsec}},
		{name: "both and a foreign one", known: []x509.ExtKeyUsage{client, server}, unknown: []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 20, 2, 2}}},
		{name: "as the vendor asks", known: []x509.ExtKeyUsage{server, ipsec}, want: "clientAuth"},
		{name: "client only", known: []x509.ExtKeyUsage{client}, want: "serverAuth"},
		{name: "any", known: []x509.ExtKeyUsage{anyUse}, want: "serverAuth and clientAuth"},
		{name: "a foreign one only", unknown: []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 20, 2, 2}}, want: "serverAuth and clientAuth"},
	} {
		ca := newIdentity(t, "CA", nil, edits(asCA, func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage, c.SubjectKeyId = test.known, test.unknown, []byte{1}
		}))
		lsc := newIdentity(t, "SEP001122334455", ca, func(c *x509.Certificate) {
			c.ExtKeyUsage, c.KeyUsage = []x509.ExtKeyUsage{server, client, ipsec}, x509.KeyUsageDigitalSignature
			c.BasicConstraintsValid = true
		})
		useful := true
		for _, purpose := range []string{"sslclient", "sslserver"} {
			at := []string{"verify", "-x509_strict", "-attime", strconv.FormatInt(noon().Unix(), 10), "-purpose", purpose,
				"-CAfile", writeFile(t, "ca.pem", crypto.CertificatePEM(ca.cert.Raw)), writeFile(t, "lsc.pem", crypto.CertificatePEM(lsc.cert.Raw))}
			useful = exec.CommandContext(t.Context(), "openssl", at...).Run() == nil && useful
		}
		err := crypto.CheckIssuerPurposes(ca.cert)
		if (err == nil) != useful {
			t.Errorf("%s: got %v, openssl finds it useful: %v", test.name, err, useful)
		}
		if err != nil || test.want != "" {
			wantError(t, err, `"CA" has an extendedKeyUsage without `+test.want+", so that verifiers refuse the LSCs below it")
		}
	}
}
