package crypto_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
)

func TestParseCertificates(t *testing.T) {
	t.Parallel()
	a, b := newIdentity(t, "A", nil, asCA).cert, newIdentity(t, "B", nil, nil).cert
	one, two := crypto.CertificatePEM(a.Raw), crypto.CertificatePEM(a.Raw, b.Raw)
	tests := []struct {
		name string
		data []byte
		want int
	}{
		{"PEM", one, 1},
		{"PEM chain", two, 2},
		{"PEM with text", []byte("Subject: CN = A\n" + string(two) + "the end\n"), 2},
		{"PEM with a byte order mark", append([]byte("\xef\xbb\xbf"), one...), 1},
		{"PEM with Windows line ends", bytes.ReplaceAll(two, []byte("\n"), []byte("\r\n")), 2},
		{"old PEM type", bytes.ReplaceAll(one, []byte("CERTIFICATE"), []byte("X509 CERTIFICATE")), 1},
		{"DER", a.Raw, 1},
		{"DER chain", append(bytes.Clone(a.Raw), b.Raw...), 2},
		{"100 certificates", bytes.Repeat(one, 100), 100},
	}
	for _, test := range tests {
		certs, err := crypto.ParseCertificates(test.data)
		if err != nil || len(certs) != test.want || !certs[0].Equal(a) {
			t.Errorf("%s: %d certificates, %v", test.name, len(certs), err)
		}
	}
	if got := crypto.Fingerprint(a); len(got) != 64 || strings.ToLower(got) != got {
		t.Errorf("fingerprint %q", got)
	}
}

func TestParseCertificatesRefuses(t *testing.T) {
	t.Parallel()
	id := newIdentity(t, "A", nil, asCA)
	cert := crypto.CertificatePEM(id.cert.Raw)
	key := id.key.(*ecdsa.PrivateKey)
	rsaKey := generate(t, crypto.RSA1024).(*rsa.PrivateKey)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, sec1 := mustDER(t)(x509.MarshalPKCS8PrivateKey(key)), mustDER(t)(x509.MarshalECPrivateKey(key))
	csr := mustDER(t)(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key))
	crl := mustDER(t)(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1)}, id.cert, key))
	spki := mustDER(t)(x509.MarshalPKIXPublicKey(&key.PublicKey))
	p12, p7, encrypted := foreignForms(t, id)
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

	const private, request, garbage = "the file holds a private key", "the file holds a certificate request, not a certificate", "the file is neither PEM nor DER"
	const bundle = "the file holds a PKCS#7 bundle: extract its certificates as PEM"
	const store = "the file is a PKCS#12 store, which may hold a private key: export the certificates alone as PEM"
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"blank", []byte(" \r\n"), "the file is empty"},
		{"text", []byte("certificate"), garbage},
		{"HTML", []byte("<html>"), garbage},
		{"base64 alone", []byte(base64.StdEncoding.EncodeToString(id.cert.Raw)), garbage},
		{"over 1 MiB", make([]byte, 1<<20+1), "the file has 1048577 bytes: at most 1048576 are read"},
		{"101 blocks", bytes.Repeat(cert, 101), "the file holds 101 PEM blocks: at most 100 are read"},
		{"101 in DER", bytes.Repeat(id.cert.Raw, 101), "the file holds 101 certificates: at most 100 are read"},
		{"damaged PEM", bytes.Replace(cert, []byte("-----END"), []byte("----END"), 1), "the file holds a damaged PEM block"},
		{"second block damaged", join(cert, cert[:60]), "the file holds a damaged PEM block"},
		{"damaged certificate", block("CERTIFICATE", id.cert.Raw[:100]), "PEM block 1: reading a certificate: x509: malformed certificate"},
		{"truncated DER", id.cert.Raw[:100], garbage},
		{"byte after DER", append(bytes.Clone(id.cert.Raw), 0), garbage},
		{"PEM key", block("PRIVATE KEY", pkcs8), private},
		{"PEM key after a certificate", join(cert, block("EC PRIVATE KEY", sec1)), private},
		{"PEM key before a certificate", join(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), cert), private},
		{"encrypted PEM key", block("ENCRYPTED PRIVATE KEY", encrypted), private},
		{"damaged PEM key", join(cert, []byte("-----BEGIN PRIVATE KEY-----\nAAAA")), private},
		{"key that is called a certificate", block("CERTIFICATE", pkcs8), "PEM block 1: " + private},
		{"PKCS#8", pkcs8, private},
		{"PKCS#8 of Ed25519", mustDER(t)(x509.MarshalPKCS8PrivateKey(ed)), private},
		{"encrypted PKCS#8", encrypted, private},
		{"PKCS#1", x509.MarshalPKCS1PrivateKey(rsaKey), private},
		{"SEC 1", sec1, private},
		{"key after a certificate in DER", join(id.cert.Raw, pkcs8), private},
		{"PKCS#12", p12, store},
		{"PEM request", block("CERTIFICATE REQUEST", csr), request},
		{"old PEM request", block("NEW CERTIFICATE REQUEST", csr), request},
		{"request", csr, request},
		{"PEM PKCS#7", block("PKCS7", p7), bundle},
		{"PKCS#7", p7, bundle},
		{"CRL", crl, "the file holds a revocation list, not a certificate"},
		{"PEM CRL", block("X509 CRL", crl), `the file holds a PEM block "X509 CRL", not a certificate`},
		{"public key", spki, "the file holds a public key, not a certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			certs, err := crypto.ParseCertificates(test.data)
			wantError(t, err, test.want)
			if len(certs) != 0 {
				t.Errorf("%d certificates all the same", len(certs))
			}
			if got, want := errors.Is(err, crypto.ErrPrivateKey), strings.HasSuffix(test.want, private); got != want {
				t.Errorf("ErrPrivateKey: %t, want %t", got, want)
			}
		})
	}
}

// mustDER unwraps what the standard library encodes.
func mustDER(t *testing.T) func([]byte, error) []byte {
	return func(der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
}

// foreignForms has openssl write what Go does not.
func foreignForms(t *testing.T, id *identity) (p12, p7, encryptedKey []byte) {
	t.Helper()
	folder := t.TempDir()
	cert, key := writeFile(t, "cert.pem", crypto.CertificatePEM(id.cert.Raw)), keyFile(t, id.key)
	for name, args := range map[string][]string{
		"p12": {"pkcs12", "-export", "-in", cert, "-inkey", key, "-passout", "pass:secret"},
		"p7":  {"crl2pkcs7", "-nocrl", "-certfile", cert, "-outform", "DER"},
		"key": {"pkcs8", "-topk8", "-in", key, "-outform", "DER", "-passout", "pass:secret"},
	} {
		openssl(t, append(args, "-out", filepath.Join(folder, name))...)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	return read("p12"), read("p7"), read("key")
}

func FuzzParseCertificates(f *testing.F) {
	id := newIdentity(f, "A", nil, asCA)
	f.Add(id.cert.Raw)
	f.Add(crypto.CertificatePEM(id.cert.Raw, id.cert.Raw))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := crypto.ParseCertificates(data)
		if (err == nil) != (len(certs) > 0) || len(certs) > crypto.MaxCertificates {
			t.Errorf("%d certificates and %v", len(certs), err)
		}
		for _, cert := range certs {
			again, err := crypto.ParseCertificates(cert.Raw)
			if err != nil || len(again) != 1 {
				t.Errorf("accepted a certificate that does not stand alone: %v", err)
			}
		}
	})
}
