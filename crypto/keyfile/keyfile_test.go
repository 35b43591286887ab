package keyfile_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/crypto/keyfile"
)

// openssl runs it in a folder.
func openssl(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func word(text string) func() (string, error) { return func() (string, error) { return text, nil } }

// asked fails if a password is asked for.
func asked(t *testing.T) func() (string, error) {
	return func() (string, error) { t.Error("a password is asked for"); return "", nil }
}

func pairOf(t *testing.T) keyfile.Pair {
	t.Helper()
	c, key, err := crypto.NewSAST(rand.Reader, crypto.Name{Organization: "Example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return keyfile.Pair{Certificate: c, Key: key}
}

// TestOpenSSLWrites: what openssl makes of a key in old and new ways is read, with the
// right password only.
func TestOpenSSLWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=ITLRECOVERY_cucm", "-days", "30")
	openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=other", "-days", "30")
	openssl(t, dir, "rsa", "-traditional", "-in", "key.pem", "-out", "traditional.pem")
	fingerprint := openssl(t, dir, "x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha256")
	fingerprint = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(fingerprint[strings.Index(fingerprint, "=")+1:]), ":", ""))
	for name, how := range map[string][]string{
		"modern":    {},
		"legacy":    {"-legacy"},
		"descert":   {"-legacy", "-descert"},
		"sha1":      {"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "SHA1"},
		"aes128":    {"-keypbe", "AES-128-CBC", "-certpbe", "AES-128-CBC"},
		"plaincert": {"-certpbe", "NONE"},
		"chain":     {"-certfile", "other.pem"},
		"named":     {"-name", "ITLRecovery"},
	} {
		args := append([]string{"pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-passout", "pass:s3cr3t word", "-out", name + ".p12"}, how...)
		openssl(t, dir, args...)
		data := read(t, dir, name+".p12")
		p, err := keyfile.Read(data, word("s3cr3t word"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := crypto.Fingerprint(p.Certificate); got != fingerprint {
			t.Errorf("%s: certificate %s, not %s", name, got, fingerprint)
		}
		if _, err := keyfile.Read(data, word("another")); !errors.Is(err, keyfile.ErrPassword) {
			t.Errorf("%s with another password: %v", name, err)
		}
	}
	openssl(t, dir, "pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-passout", "pass:", "-out", "empty.p12")
	if _, err := keyfile.Read(read(t, dir, "empty.p12"), asked(t)); err != nil {
		t.Errorf("with an empty password: %v", err)
	}
	for _, key := range []string{"key.pem", "traditional.pem"} {
		for _, data := range [][]byte{
			append(read(t, dir, key), read(t, dir, "cert.pem")...), append(append(read(t, dir, "other.pem"), read(t, dir, "cert.pem")...), read(t, dir, key)...),
		} {
			if p, err := keyfile.Read(data, asked(t)); err != nil || crypto.Fingerprint(p.Certificate) != fingerprint {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

// TestSeparate: of two files, the certificate comes from the first one only.
func TestSeparate(t *testing.T) {
	t.Parallel()
	a, b := pairOf(t), pairOf(t)
	both, err := a.PEM()
	if err != nil {
		t.Fatal(err)
	}
	for _, certificate := range [][]byte{a.Certificate.Raw, crypto.CertificatePEM(a.Certificate.Raw)} {
		if p, err := keyfile.ReadSeparate(certificate, both); err != nil || !p.Certificate.Equal(a.Certificate) {
			t.Errorf("%v", err)
		}
	}
	for want, pair := range map[string][2][]byte{
		"its private key is not that of its certificate": {b.Certificate.Raw, both},
		"it has no certificate":                          {[]byte("nothing"), both},
		"there is no private key in the file for it":     {both, crypto.CertificatePEM(a.Certificate.Raw)},
	} {
		if _, err := keyfile.ReadSeparate(pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// TestRefused says of each file what it lacks.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".pem", "-subj", "/CN="+name, "-days", "30")
	}
	openssl(t, dir, "pkcs8", "-topk8", "-in", "a.key", "-passout", "pass:x", "-out", "encrypted.key")
	openssl(t, dir, "rsa", "-traditional", "-aes128", "-in", "a.key", "-passout", "pass:x", "-out", "dek.key")
	openssl(t, dir, "pkcs12", "-export", "-nokeys", "-in", "a.pem", "-passout", "pass:x", "-out", "nokey.p12")
	openssl(t, dir, "pkcs12", "-export", "-in", "a.pem", "-inkey", "a.key", "-passout", "pass:x", "-out", "a.p12")
	join := func(names ...string) (all []byte) {
		for _, n := range names {
			all = append(all, read(t, dir, n)...)
		}
		return all
	}
	p12 := read(t, dir, "a.p12")
	for want, data := range map[string][]byte{
		"it has no private key":                                              join("a.pem"),
		"it has a private key, but no certificate":                           join("a.key"),
		`its private key is not that of its certificate "CN=b"`:              join("a.key", "b.pem"),
		"it has more than one private key":                                   join("a.key", "b.key", "a.pem"),
		"its private key is encrypted, which is read in PKCS#12 only":        join("encrypted.key", "a.pem"),
		"its private key is encrypted, which is read in PKCS#12 only\x00":    join("dek.key", "a.pem"),
		"neither PEM nor a PKCS#12 file with one private key: private key":   join("nokey.p12"),
		"neither PEM nor a PKCS#12 file with one private key: error":         p12[:len(p12)/2],
		"neither PEM nor a PKCS#12 file with one private key: error reading": []byte("hello"),
	} {
		if _, err := keyfile.Read(data, word("x")); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(want, "\x00")) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// TestOpenSSLReads: openssl opens what is written, with the password only, and finds the
// same key in all.
func TestOpenSSLReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := pairOf(t)
	pem, err := p.PEM()
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "pair.pem", pem)
	want := openssl(t, dir, "rsa", "-in", "pair.pem", "-noout", "-modulus")
	if got := openssl(t, dir, "x509", "-in", "pair.pem", "-noout", "-modulus"); got != want {
		t.Error("PEM: the certificate has another key")
	}
	for _, legacy := range []bool{false, true} {
		data, err := p.PKCS12(rand.Reader, "größer 1", legacy)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "pair.p12", data)
		plain := openssl(t, dir, "pkcs12", "-in", "pair.p12", "-passin", "pass:größer 1", "-nodes")
		write(t, dir, "plain.pem", []byte(plain))
		if got := openssl(t, dir, "rsa", "-in", "plain.pem", "-noout", "-modulus"); got != want {
			t.Errorf("legacy %v: another key", legacy)
		}
		if _, err := exec.Command("openssl", "pkcs12", "-in", filepath.Join(dir, "pair.p12"), "-passin", "pass:x", "-nodes").Output(); err == nil {
			t.Errorf("legacy %v: it opens with another password", legacy)
		}
		if bytes.Contains(data, p.Certificate.RawSubject) {
			t.Errorf("legacy %v: the certificate is not encrypted", legacy)
		}
		if back, err := keyfile.Read(data, word("größer 1")); err != nil || !back.Certificate.Equal(p.Certificate) {
			t.Errorf("legacy %v: read again: %v", legacy, err)
		}
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}
