package crypto_test

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/crypto/certfile"
)

// TestRequest lets openssl read the request, and sign it as a company CA that
// copies what is asked for.
func TestRequest(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	der, err := a.Request()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("capf.csr"), der, 0o600); err != nil {
		t.Fatal(err)
	}
	text := openssl(t, "req", "-inform", "DER", "-in", file("capf.csr"), "-noout", "-text", "-verify")
	for _, want := range []string{
		"CN = " + a.Leaf().Subject.CommonName, "CA:TRUE, pathlen:0", "Digital Signature, Certificate Sign\n",
		"TLS Web Server Authentication, TLS Web Client Authentication, 1.3.6.1.5.5.7.3.5", "sha256WithRSAEncryption", "X509v3 Basic Constraints: critical", "X509v3 Key Usage: critical",
	} {
		text = strings.ReplaceAll(text, "IPSec End System", "1.3.6.1.5.5.7.3.5")
		if !strings.Contains(text, want) {
			t.Errorf("openssl shows no %q:\n%s", want, text)
		}
	}
	openssl(t, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", file("ca.key"), "-out", file("ca.pem"), "-subj", "/CN=Company Root", "-days", "3650")
	openssl(t, "x509", "-req", "-inform", "DER", "-in", file("capf.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
		"-CAcreateserial", "-copy_extensions", "copyall", "-days", "1000", "-out", file("capf.pem"))
	var certs []*x509.Certificate
	for _, name := range []string{"ca.pem", "capf.pem"} {
		data, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		some, err := certfile.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, some...)
	}
	chain, err := crypto.ChainFor(certs, a.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crypto.LoadAuthority([][]byte{chain[0].Raw, chain[1].Raw}, a.Key, chain[0].NotBefore); err != nil {
		t.Error(err)
	}
}

func TestChainFor(t *testing.T) {
	t.Parallel()
	root := newIdentity(t, "Root", nil, asCA)
	namesake := newIdentity(t, "Root", nil, asCA)
	middle := newIdentity(t, "Middle", root, asCA)
	leaf := newIdentity(t, "CAPF-1", middle, asCA)
	again := certify(t, "CAPF-1", leaf.key, root, asCA)
	forged := newIdentity(t, "Middle", root, asCA)
	stranger := newIdentity(t, "Stranger", nil, asCA)
	for _, test := range []struct {
		name  string
		certs []*identity
		want  string // the common names, or the refusal
	}{
		{"in order", []*identity{leaf, middle, root}, "CAPF-1 Middle Root"},
		{"root first", []*identity{root, middle, leaf}, "CAPF-1 Middle Root"},
		{"alone", []*identity{leaf}, "CAPF-1"},
		{"twice", []*identity{leaf, middle, leaf, middle, root, root}, "CAPF-1 Middle Root"},
		{"namesake of the root is no part of it", []*identity{namesake, leaf, middle, root}, `"Root" does not belong to the chain`},
		{"two of a name, the wrong one first", []*identity{leaf, forged, middle}, `"Middle" does not belong to the chain: "Middle" was issued by "CN=Root"`},
		{"the wrong one of a name", []*identity{leaf, forged, root}, "CAPF-1 Middle Root"}, // LoadAuthority says what is wrong
		{"without the middle", []*identity{leaf, root}, `"Root" does not belong to the chain: "CAPF-1" was issued by "CN=Middle"`},
		{"with a stranger", []*identity{leaf, stranger, middle}, `"Stranger" does not belong`},
		{"two strangers", []*identity{leaf, stranger, namesake}, `"Stranger" does not belong to the chain: "CAPF-1" was issued by "CN=Middle"`},
		{"without the key", []*identity{root, middle}, `none of the certificates matches the CAPF private key; the first is that of "Root"`},
		{"two of one key", []*identity{leaf, again}, "two of the certificates hold the CAPF key"},
	} {
		var certs []*x509.Certificate
		for _, id := range test.certs {
			certs = append(certs, id.cert)
		}
		chain, err := crypto.ChainFor(certs, leaf.key.Public())
		var names []string
		for _, c := range chain {
			names = append(names, c.Subject.CommonName)
		}
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
			if !errors.Is(err, crypto.ErrUnsuitable) {
				t.Errorf("%s: %v is no ErrUnsuitable", test.name, err)
			}
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	want := crypto.Name{Organization: "Acme", OrganizationalUnit: "Voice", Locality: "Ulm", State: "BW", Country: "DE"}
	if got := crypto.NameOf(newAuthority(t).Leaf()); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	odd := newIdentity(t, "x", nil, func(c *x509.Certificate) {
		c.Subject.Country, c.Subject.Organization = []string{"Germany"}, []string{" blank first"}
	})
	if got := crypto.NameOf(odd.cert); got != (crypto.Name{}) {
		t.Errorf("got %+v of a subject that we may not build", got)
	}
}
