package crypto_test

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"capf/crypto"
)

func TestCheckTrust(t *testing.T) {
	t.Parallel()
	make := func(cn string, edit ...func(*x509.Certificate)) *x509.Certificate {
		return newIdentity(t, cn, nil, edits(edit...)).cert
	}
	names := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.DNSNames = names }
	}
	use := func(use ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = use }
	}
	noCertSign := func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }
	notYet := func(c *x509.Certificate) { c.NotBefore = noon().Add(time.Hour) }
	v1 := versionOne(t, generate(t, crypto.RSA1024), "CAP-RTP-001")

	tests := []struct {
		name        string
		cert        *x509.Certificate
		foreign     bool
		capf, callm string // the refusals of the two stores, empty when it is accepted
	}{
		{"root", make("Root", asCA), false, "", ""},
		{"version 1 root", v1, false, "", ""},
		{"not yet valid", make("Root", asCA, notYet), false, "", ""},
		{"expired", make("Root", asCA, asExpired), false, `"Root" has expired on 2025-11-22T12:00:00Z`, `"Root" has expired on 2025-11-22T12:00:00Z`},
		{"HTTPS leaf", make("ca.example.com", use(x509.ExtKeyUsageServerAuth)), false, "", `"ca.example.com" is not a CA: callmanager-trust holds CA certificates only`},
		{"leaf without usage", make("ca.example.com"), false, "", `"ca.example.com" is not a CA: callmanager-trust holds CA certificates only`},
		{"client leaf", make("user", use(x509.ExtKeyUsageClientAuth)), false, `"user" is neither a CA nor the certificate of an HTTPS server`, `"user" is not a CA: callmanager-trust holds CA certificates only`},
		{"CA that may not sign", make("Root", asCA, noCertSign, use(x509.ExtKeyUsageClientAuth)), false, `"Root" is neither a CA nor the certificate of an HTTPS server`, `"Root" is not a CA: callmanager-trust holds CA certificates only`},
		{"wildcard", make("*.example.com"), false, `"*.example.com" has a wildcard subject`, `"*.example.com" has a wildcard subject`},
		{"wildcard CA", make("*.example.com", asCA), false, `"*.example.com" has a wildcard subject`, `"*.example.com" has a wildcard subject`},
		{"wildcard name", make("ca.example.com", names("ca.example.com", "*.example.com")), false, `"ca.example.com" has the wildcard name "*.example.com"`, `"ca.example.com" has the wildcard name "*.example.com"`},
		{"reserved", make("CAPF-12345678", asCA), false, `the common name "CAPF-12345678" contains CAPF-, which is reserved for CAPF certificates`, `the common name "CAPF-12345678" contains CAPF-, which is reserved for CAPF certificates`},
		{"reserved inside", make("My CAPF-Root", asCA), false, `the common name "My CAPF-Root" contains CAPF-, which is reserved for CAPF certificates`, `the common name "My CAPF-Root" contains CAPF-, which is reserved for CAPF certificates`},
		{"foreign cluster", make("CAPF-12345678", asCA), true, "", ""},
		{"foreign but expired", make("CAPF-12345678", asCA, asExpired), true, `"CAPF-12345678" has expired on 2025-11-22T12:00:00Z`, `"CAPF-12345678" has expired on 2025-11-22T12:00:00Z`},
		{"leaf of that name", make("CAPF-12345678"), false, "", `"CAPF-12345678" is not a CA: callmanager-trust holds CA certificates only`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now := noon()
			if test.cert == v1 {
				now = v1.NotBefore // by the machine's clock
			}
			for purpose, want := range map[crypto.Purpose]string{crypto.PurposeCAPFTrust: test.capf, crypto.PurposeCallManagerTrust: test.callm} {
				err := crypto.CheckTrust(test.cert, purpose, test.foreign, now)
				if want == "" {
					if err != nil {
						t.Errorf("%s: %v", purpose, err)
					}
					continue
				}
				wantError(t, err, want)
				if !errors.Is(err, crypto.ErrUnsuitable) {
					t.Errorf("%v is not ErrUnsuitable", err)
				}
			}
		})
	}
	wantError(t, crypto.CheckTrust(make("Root", asCA), "tomcat-trust", false, noon()), `"tomcat-trust" is not a trust store`)
}
