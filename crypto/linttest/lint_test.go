// Package linttest lints the certificates that capf/crypto makes. It is a module of its
// own so that the linter's many dependencies stay out of the program's.
package linttest

import (
	"crypto/rand"
	"crypto/rsa"
	stdx509 "crypto/x509"
	"math/big"
	"testing"
	"time"

	"capf/crypto"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// findings lints with the RFC 5280 and the community rules and returns what is worse
// than a note, by lint name.
func findings(t *testing.T, der []byte) map[string]lint.LintStatus {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("zcrypto does not parse the certificate: %v", err)
	}
	registry, err := lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{lint.RFC5280, lint.Community},
	})
	if err != nil {
		t.Fatal(err)
	}
	results := zlint.LintCertificateEx(cert, registry).Results
	ran := 0
	bad := map[string]lint.LintStatus{}
	for name, result := range results {
		if result.Status > lint.NA && result.Status != lint.NE {
			ran++
		}
		if result.Status > lint.Notice {
			bad[name] = result.Status
		}
	}
	if ran < 30 {
		t.Errorf("only %d of %d lints applied: the linter is not set up as this test thinks", ran, len(results))
	}
	return bad
}

func wantClean(t *testing.T, der []byte) {
	t.Helper()
	for name, status := range findings(t, der) {
		t.Errorf("%s: %s", name, status)
	}
}

func TestLintCAPFCertificate(t *testing.T) {
	t.Parallel()
	names := map[string]crypto.Name{
		"no name":   {},
		"full name": {Organization: "Acme & Söhne", OrganizationalUnit: "Voice", Locality: "Köln", State: "NRW", Country: "DE"},
	}
	for what, name := range names {
		for _, bits := range []int{2048, 3072, 4096} {
			t.Run(what+" "+string(crypto.RSA(bits)), func(t *testing.T) {
				t.Parallel()
				wantClean(t, authority(t, name, bits).Leaf().Raw)
			})
		}
	}
}

func TestLintTVS(t *testing.T) {
	t.Parallel()
	c, _, err := crypto.NewTVS(rand.Reader, crypto.Name{Organization: "Acme & Söhne", Country: "DE"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	wantClean(t, c.Raw)
}

func TestLintSAST(t *testing.T) {
	t.Parallel()
	c, _, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: "Acme & Söhne", Country: "DE"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	wantClean(t, c.Raw)
}

func TestLintLSC(t *testing.T) {
	t.Parallel()
	a := authority(t, crypto.Name{Organization: "Acme", OrganizationalUnit: "Voice", Locality: "Ulm", State: "BW", Country: "DE"}, 2048)
	bare := authority(t, crypto.Name{}, 2048)
	devices := map[string]string{
		"hardware":        "SEP001122334455",
		"softphone":       "CSFALICE",
		"dotted":          "tct.alice-1",
		"no DNS name":     "BOT_ALICE",
		"64-byte label":   "A123456789012345678901234567890123456789012345678901234567890123",
		"softphone lower": "tabalice",
	}
	for _, kind := range crypto.Kinds() {
		key, err := crypto.GenerateKey(rand.Reader, kind)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := crypto.MarshalPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		for what, device := range devices {
			plain := crypto.LSCTemplate{Device: device, SPKI: spki, ValidityDays: 1825}
			asMIC := plain
			asMIC.CommonName, asMIC.SerialNumber = "CP-8861-SEP001122334455", "PID:CP-8861 SN:FCH12345678"
			short := plain
			short.ValidityDays = 1
			for suffix, l := range map[string]crypto.LSCTemplate{"": plain, " with MIC names": asMIC, " for a day": short} {
				t.Run(string(kind)+" "+what+suffix, func(t *testing.T) {
					t.Parallel()
					wantClean(t, issue(t, a, l))
					wantClean(t, issue(t, bare, l))
				})
			}
		}
	}
}

// A linter that finds nothing anywhere would make the tests above worthless.
func TestLintFindsFaults(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &stdx509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := stdx509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if len(findings(t, der)) == 0 {
		t.Error("no finding on a certificate without names and extensions")
	}
}

func authority(t *testing.T, name crypto.Name, bits int) *crypto.Authority {
	t.Helper()
	a, err := crypto.NewCAPF(rand.Reader, name, bits, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *crypto.Authority, l crypto.LSCTemplate) []byte {
	t.Helper()
	der, err := a.Issue(rand.Reader, l, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return der
}
