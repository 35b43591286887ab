package crypto_test

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"capf/crypto"
)

func TestNewCAPF(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert := a.Leaf()
	if !regexp.MustCompile(`^CN=CAPF-[0-9a-f]{8},OU=Voice,O=Acme,L=Ulm,ST=BW,C=DE$`).MatchString(cert.Subject.String()) {
		t.Errorf("subject %s", cert.Subject)
	}
	if cert.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign || cert.MaxPathLen != 0 || !cert.IsCA {
		t.Errorf("keyUsage %b, CA %t, path length %d", cert.KeyUsage, cert.IsCA, cert.MaxPathLen)
	}
	if cert.SignatureAlgorithm != x509.SHA256WithRSA || len(cert.SubjectKeyId) != 20 || len(cert.AuthorityKeyId) != 20 {
		t.Errorf("%s, key identifiers %x and %x", cert.SignatureAlgorithm, cert.SubjectKeyId, cert.AuthorityKeyId)
	}
	if !cert.NotBefore.Equal(noon().Add(-time.Hour)) || !cert.NotAfter.Equal(noon().AddDate(5, 0, 0)) {
		t.Errorf("valid from %s to %s", cert.NotBefore, cert.NotAfter)
	}
	if b := newAuthority(t).Leaf(); b.Subject.CommonName == cert.Subject.CommonName || b.SerialNumber.Cmp(cert.SerialNumber) == 0 {
		t.Error("two CAPF certificates share their name or serial number")
	}
	if tls := a.TLS(); len(tls.Certificate) != 1 || tls.Leaf != cert {
		t.Errorf("%d TLS certificates", len(tls.Certificate))
	}
}

func TestNewCAPFRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	tests := []struct {
		name crypto.Name
		bits int
		want string
	}{
		{crypto.Name{}, 1024, "a CAPF key of 1024 bits: 2048, 3072 or 4096 are allowed"},
		{crypto.Name{Country: "DEU"}, 2048, `naming the CAPF certificate: country "DEU": two capital letters are needed`},
		{crypto.Name{Country: "de"}, 2048, `naming the CAPF certificate: country "de": two capital letters are needed`},
		{crypto.Name{Country: "dE"}, 2048, `naming the CAPF certificate: country "dE": two capital letters are needed`},
		{crypto.Name{Country: "@A"}, 2048, `naming the CAPF certificate: country "@A": two capital letters are needed`},
		{crypto.Name{Country: "A["}, 2048, `naming the CAPF certificate: country "A[": two capital letters are needed`},
		{crypto.Name{Organization: long[:65]}, 2048, `naming the CAPF certificate: organization "` + long[:65] + `" has 65 characters: at most 64 are allowed`},
		{crypto.Name{Locality: long}, 2048, `naming the CAPF certificate: locality "` + long + `" has 129 characters: at most 128 are allowed`},
		{crypto.Name{State: "a\x00b"}, 2048, `naming the CAPF certificate: state "a\x00b" has a control character`},
		{crypto.Name{State: "\xff"}, 2048, `naming the CAPF certificate: state "\xff" is not UTF-8`},
		{crypto.Name{OrganizationalUnit: " Voice"}, 2048, `naming the CAPF certificate: organizational unit " Voice" begins or ends with a blank`},
	}
	for _, test := range tests {
		_, err := crypto.NewCAPF(rand.Reader, test.name, test.bits, noon())
		wantError(t, err, test.want)
	}
	for _, country := range []string{"AZ", "ZA"} {
		if err := (crypto.Name{Country: country}).Check(); err != nil {
			t.Error(err)
		}
	}
	if err := (crypto.Name{Organization: strings.Repeat("ö", 64)}).Check(); err != nil {
		t.Error(err)
	}
}

// capfLike gives a certificate everything that the CAPF certificate needs.
func capfLike(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA, c.MaxPathLenZero = true, true, true
	c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
}

func TestLoadAuthorityRefuses(t *testing.T) {
	t.Parallel()
	key, other := generate(t, crypto.RSA2048), generate(t, crypto.RSA2048)
	root := newIdentity(t, "Root", nil, asCA)
	short := newIdentity(t, "Short", nil, edits(asCA, func(c *x509.Certificate) { c.MaxPathLenZero = true }))
	forged := newIdentity(t, "Root", nil, asCA)
	make := func(parent *identity, edit ...func(*x509.Certificate)) *x509.Certificate {
		return certify(t, "CAPF-00000001", key, parent, edits(append([]func(*x509.Certificate){capfLike}, edit...)...)).cert
	}
	good := make(nil)
	byRoot := make(root)
	ec := newIdentity(t, "CAPF-00000001", nil, capfLike)
	weakKey := generate(t, crypto.RSA512)
	weak := certify(t, "CAPF-00000001", weakKey, root, capfLike).cert

	tests := []struct {
		name, want string
		chain      []*x509.Certificate
		key        stdcrypto.Signer
	}{
		{"no basicConstraints", "no basicConstraints: CA:TRUE, pathlen:0 is needed",
			chainOf(make(nil, func(c *x509.Certificate) { c.BasicConstraintsValid = false })), key},
		{"no CA", "basicConstraints CA:FALSE: CA:TRUE, pathlen:0 is needed",
			chainOf(make(nil, func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = false, false })), key},
		{"not critical", "basicConstraints is not critical",
			chainOf(make(nil, looseConstraints)), key},
		{"no path length", "basicConstraints without a path length: pathlen:0 is needed",
			chainOf(make(nil, func(c *x509.Certificate) { c.MaxPathLenZero = false })), key},
		{"path length 1", "basicConstraints with pathlen:1: pathlen:0 is needed",
			chainOf(make(nil, func(c *x509.Certificate) { c.MaxPathLen = 1 })), key},
		{"no keyUsage", "no keyUsage: digitalSignature and keyCertSign are needed",
			chainOf(make(nil, func(c *x509.Certificate) { c.KeyUsage = 0 })), key},
		{"no digitalSignature", "keyUsage without digitalSignature",
			chainOf(make(nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })), key},
		{"other usages", "keyUsage without digitalSignature and keyCertSign",
			chainOf(make(nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })), key},
		{"other key", "it does not match the private key", chainOf(good), other},
		{"no key", "there is no private key", chainOf(good), nil},
		{"EC", "its key is ECDSA, the listener's must be RSA", chainOf(ec.cert), ec.key},
		{"512 bits", "an RSA key of 512 bits is too small for TLS", chainOf(weak), weakKey},
		{"expired", `"CAPF-00000001" has expired on 2025-11-22T12:00:00Z`, chainOf(make(nil, asExpired)), key},
		{"future", `"CAPF-00000001" is not valid before 2026-11-23T00:00:00Z`,
			chainOf(make(nil, func(c *x509.Certificate) { c.NotBefore = noon().Add(12 * time.Hour) })), key},
		{"wrong order", `chain out of order: "CAPF-00000001" was issued by "CN=Root", the next certificate is "CN=Short"`,
			chainOf(byRoot, short.cert, root.cert), key},
		{"forged root", `chain: the signature on "CAPF-00000001" is not by "Root": x509: ECDSA verification failure`, chainOf(byRoot, forged.cert), key},
		{"changed root", `chain: the signature on "Root" is not by "Root": x509: ECDSA verification failure`, chainOf(byRoot, changed(t, root.cert)), key},
		{"root allows no CAPF", `chain: the issuer "Short" allows a path length of 0, this one has 1`, chainOf(make(short), short.cert), key},
		{"expired root", `"Old" above it: "Old" has expired on 2025-11-22T12:00:00Z`, chainOfExpired(t, make), key},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var ders [][]byte
			for _, cert := range test.chain {
				ders = append(ders, cert.Raw)
			}
			_, err := crypto.LoadAuthority(ders, test.key, noon())
			wantError(t, err, `CAPF certificate "CAPF-00000001": `+test.want)
			if !errors.Is(err, crypto.ErrUnsuitable) {
				t.Errorf("%v is not ErrUnsuitable", err)
			}
		})
	}
	// The smallest key that TLS takes.
	smallKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	small := certify(t, "CAPF-00000001", smallKey, root, capfLike).cert
	if _, err := crypto.LoadAuthority([][]byte{small.Raw, root.cert.Raw}, smallKey, noon()); err != nil {
		t.Errorf("a key of 1024 bits: %v", err)
	}
	_, err = crypto.LoadAuthority(nil, key, noon())
	wantError(t, err, "CAPF certificate: there is none")
	_, err = crypto.LoadAuthority([][]byte{good.Raw[1:]}, key, noon())
	wantError(t, err, "CAPF certificate: certificate 1 of the chain: x509: malformed certificate")
	a, err := crypto.LoadAuthority([][]byte{byRoot.Raw, root.cert.Raw}, key, noon())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(a.TLS().Certificate); n != 2 {
		t.Errorf("%d certificates for TLS instead of 2", n)
	}
}

// changed is a certificate whose signature somebody has changed.
func changed(t *testing.T, cert *x509.Certificate) *x509.Certificate {
	t.Helper()
	der := bytes.Clone(cert.Raw)
	der[len(der)-1] ^= 1
	return parse(t, der)
}

func chainOf(certs ...*x509.Certificate) []*x509.Certificate { return certs }

func chainOfExpired(t *testing.T, make func(*identity, ...func(*x509.Certificate)) *x509.Certificate) []*x509.Certificate {
	old := newIdentity(t, "Old", nil, edits(asCA, asExpired))
	return chainOf(make(old), old.cert)
}

// looseConstraints writes basicConstraints CA:TRUE pathlen:0 without the critical mark.
func looseConstraints(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA, c.MaxPathLenZero = false, false, false
	der, _ := asn1.Marshal(struct {
		CA     bool
		Length int
	}{true, 0})
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Value: der})
}
