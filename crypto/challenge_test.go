package crypto_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/crypto"
)

// TestChallengedRequest: a request with a challengePassword is read by openssl,
// and but for that is the request without one.
func TestChallengedRequest(t *testing.T) {
	t.Parallel()
	const challenge = "q83vASNFZ4mrze8B+/=="
	for _, kind := range []crypto.KeyKind{crypto.RSA2048, crypto.EC256, crypto.EC384} {
		key, err := crypto.GenerateKey(rand.Reader, kind)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		capf := newAuthority(t).Leaf()
		with, err := crypto.NewRequest(capf, crypto.LSCTemplate{Device: "SEP001122334455", SPKI: spki, Challenge: challenge}, key)
		if err != nil {
			t.Fatal(err)
		}
		without, err := crypto.NewRequest(capf, crypto.LSCTemplate{Device: "SEP001122334455", SPKI: spki}, key)
		if err != nil {
			t.Fatal(err)
		}
		if crypto.Challenge(with) != challenge || crypto.Challenge(without) != "" || crypto.Challenge([]byte("nonsense")) != "" {
			t.Errorf("%v: the challenge reads %q and %q", kind, crypto.Challenge(with), crypto.Challenge(without))
		}
		file := filepath.Join(t.TempDir(), "request.der")
		print := func(der []byte) []string {
			if err := os.WriteFile(file, der, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "openssl", "req", "-inform", "DER", "-in", file, "-verify", "-noout", "-text", "-reqopt", "no_sigdump").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "verify OK") {
				t.Errorf("%v: %v\n%s", kind, err, out)
			}
			return strings.Split(string(out), "\n")
		}
		a, b := print(with), print(without)
		i := slices.IndexFunc(a, func(line string) bool { return strings.Contains(line, "challengePassword") })
		if i < 0 || !strings.Contains(a[i], challenge) {
			t.Fatalf("openssl shows no challenge:\n%s", strings.Join(a, "\n"))
		}
		if a = slices.Delete(a, i, i+1); !slices.Equal(a, b) {
			t.Errorf("%v: the requests differ:\n%s\n%s", kind, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}

// TestChallengeOfOthers reads requests with another attribute of text beside the
// challenge, and without one.
func TestChallengeOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for attributes, want := range map[string]string{
		"unstructuredName = other":                                    "",
		"unstructuredName = other\nchallengePassword = the challenge": "the challenge",
	} {
		config := "[req]\nprompt = no\ndistinguished_name = dn\nattributes = attributes\n[dn]\nCN = SEP001122334455\n[attributes]\n" + attributes + "\n"
		if err := os.WriteFile(filepath.Join(dir, "req.cnf"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "request.der")
		openssl(t, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", os.DevNull, "-config", filepath.Join(dir, "req.cnf"), "-outform", "DER", "-out", out)
		der, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := crypto.Challenge(der); got != want {
			t.Errorf("%q: the challenge reads %q, want %q", attributes, got, want)
		}
	}
}

// TestChallengedRequestWithoutName: a name that is none of DNS has no subjectAltName,
// with a challenge as without.
func TestChallengedRequestWithoutName(t *testing.T) {
	t.Parallel()
	key := generate(t, crypto.EC256)
	for _, challenge := range []string{"", "secret"} {
		der, err := crypto.NewRequest(newAuthority(t).Leaf(), crypto.LSCTemplate{Device: "BOT_ALICE", SPKI: spkiOf(t, key), Challenge: challenge}, key)
		if err != nil {
			t.Fatal(err)
		}
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range csr.Extensions {
			if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
				t.Errorf("with the challenge %q there is the subjectAltName %x", challenge, e.Value)
			}
		}
	}
}
