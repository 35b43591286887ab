package crypto_test

import (
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/crypto"
)

// noon is the time at which the tests take place.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  stdcrypto.Signer
}

// newIdentity makes a P-256 certificate for a common name, valid a day around noon, which
// edit may change; without a parent it is self-signed.
func newIdentity(t testing.TB, cn string, parent *identity, edit func(*x509.Certificate)) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certify(t, cn, key, parent, edit)
}

// certify is newIdentity for a key that exists.
func certify(t testing.TB, cn string, key stdcrypto.Signer, parent *identity, edit func(*x509.Certificate)) *identity {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: cn},
		NotBefore:    noon().AddDate(0, 0, -1),
		NotAfter:     noon().AddDate(0, 0, 1),
	}
	if edit != nil {
		edit(template)
	}
	by := parent
	if by == nil {
		by = &identity{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{parse(t, der), key}
}

func asCA(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA = true, true
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
}

func asExpired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = noon().AddDate(-2, 0, 0), noon().AddDate(-1, 0, 0)
}

func edits(all ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, edit := range all {
			edit(c)
		}
	}
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func generate(t testing.TB, kind crypto.KeyKind) stdcrypto.Signer {
	t.Helper()
	key, err := crypto.GenerateKey(rand.Reader, kind)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func spkiOf(t testing.TB, key stdcrypto.Signer) []byte {
	t.Helper()
	spki, err := crypto.MarshalPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return spki
}

func newAuthority(t testing.TB) *crypto.Authority {
	t.Helper()
	name := crypto.Name{Organization: "Acme", OrganizationalUnit: "Voice", Locality: "Ulm", State: "BW", Country: "DE"}
	a, err := crypto.NewCAPF(rand.Reader, name, 2048, noon())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// openssl runs the program, which must be there, and returns what it says.
func openssl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// writeFile writes into the test's folder and returns the path.
func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantError(t testing.TB, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case err.Error() != want:
		t.Errorf("error %q\nwant  %q", err, want)
	}
}

// opensslSays runs the program, which may refuse, and returns what it says.
func opensslSays(t testing.TB, args ...string) string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
	return string(out)
}
