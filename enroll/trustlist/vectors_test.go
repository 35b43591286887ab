package trustlist

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func block(t testing.TB, name string) []byte {
	t.Helper()
	b, _ := pem.Decode(read(t, name))
	if b == nil {
		t.Fatalf("%s is no PEM file", name)
	}
	return b.Bytes
}

func certificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(block(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func key(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	key, err := x509.ParsePKCS1PrivateKey(block(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestListsOfCertutils builds the lists that certutils made, from their certificates.
func TestListsOfCertutils(t *testing.T) {
	sast, ccm, capf := certificate(t, "sast.crt"), certificate(t, "ccm.crt"), certificate(t, "capf.crt")
	for _, c := range []struct {
		file, name string
		signer     Version
		digest     Digest
		at         int64
		records    []Record
	}{
		{"CTLSEP001122334455.tlv", "CTLFile.tlv", SignerVersion10, SHA1, 0x6b0950ce, []Record{
			NewRecord(sast, RoleSAST), NewRecord(ccm, RoleSAST), NewRecord(ccm, RoleCCMTFTP), NewRecord(capf, RoleCAPF)}},
		{"ITLFile.tlv", "ITLFile.tlv", SignerVersion11, SHA1, 0x6b0950ca, []Record{
			NewRecord(sast, RoleSAST), NewRecord(ccm, RoleCCMTFTP), NewRecord(capf, RoleCAPF), NewRecord(certificate(t, "tvs.crt"), RoleTVS)}},
		{"ITLFile-sha512-ec.tlv", "ITLFile.tlv", SignerVersion11, SHA512, 0x6b0950cb, []Record{
			NewRecord(sast, RoleSAST), NewRecord(ccm, RoleCCM), NewRecord(certificate(t, "tftp-ec.crt"), RoleTFTP), NewRecord(capf, RoleCAPF)}},
	} {
		want := read(t, c.file)
		l := &List{Header{SignerVersion: c.signer, Digest: c.digest, FileName: c.name, Time: time.Unix(c.at, 0)}, c.records}
		if got, err := l.Sign(key(t, "sast.key")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes, %v", c.file, err)
		}
		parsed, err := Parse(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := parsed.Verify(); err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
		if err := l.Verify(); err != nil {
			t.Errorf("%s, as built: %v", c.file, err)
		}
	}
}

// TestSignedFilesOfCertutils does the same with configuration files; the encrypted one,
// which has random bytes, must decrypt.
func TestSignedFilesOfCertutils(t *testing.T) {
	signer := Signer{certificate(t, "ccm.crt"), key(t, "ccm.key"), SHA1}
	plain := read(t, "SEP001122334455.cnf.xml")
	for file, body := range map[string][]byte{"SEP001122334455.cnf.xml.sgn": plain, "SEP001122334455-short.cnf.xml.sgn": nil} {
		want := read(t, file)
		parsed, err := ParseFile(want)
		if err != nil {
			t.Fatal(err)
		}
		if body == nil {
			body = parsed.Body
		}
		got, err := SignFile("SEP001122334455.cnf.xml.sgn", body, signer, parsed.Time)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes, %v", file, err)
		}
		if err := parsed.Verify(signer.Certificate); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	theirs := read(t, "SEP001122334455.cnf.xml.enc.sgn")
	ours, err := Encrypt("SEP001122334455.cnf.xml.enc.sgn", plain, certificate(t, "phone.crt"), signer, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{theirs, ours} {
		f, err := ParseFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Verify(signer.Certificate); err != nil {
			t.Error(err)
		}
		if got, err := f.Decrypt(key(t, "phone.key")); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("decrypted to %q, %v", got, err)
		}
	}
	if len(ours) != len(theirs) {
		t.Errorf("encrypted to %d bytes, and certutils to %d", len(ours), len(theirs))
	}
}
