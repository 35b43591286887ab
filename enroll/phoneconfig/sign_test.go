package phoneconfig

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/enroll/lists"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func certificate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(vector(t, name))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// vectorSigner signs with the key of the recorded files, at a time.
func vectorSigner(t testing.TB, at time.Time) *Signer {
	t.Helper()
	block, _ := pem.Decode(vector(t, "ccm.key"))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return &Signer{certificate(t, "ccm.crt"), key, lists.Variant{Digest: trustlist.SHA1}, trustlist.SHA1, func() time.Time { return at }}
}

// timeOf is when a recorded file was made.
func timeOf(t testing.TB, file []byte) time.Time {
	t.Helper()
	f, err := trustlist.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return f.Time
}

// TestRecordedSignature: the signed files of certutils come out identical to the byte.
func TestRecordedSignature(t *testing.T) {
	const name = "SEP001122334455.cnf.xml"
	plain, want := vector(t, name), vector(t, name+".sgn")
	got, err := vectorSigner(t, timeOf(t, want)).Sign(name, plain, nil, nil)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the signed file is another one than that of certutils: %v", err)
	}

	whole, err := Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	e := whole.Elements
	e.CertHash = Held{"lsc", certificate(t, "phone.crt").Raw}.Hash()
	short, want := Companion(whole, store.Device{}, e), vector(t, "SEP001122334455-short.cnf.xml.sgn")
	if got, err = vectorSigner(t, timeOf(t, want)).Sign(name, short, nil, nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the companion is another one than that of certutils: %v\n%s", err, short)
	}
}

// phone is the device of the recorded files.
func phone(t testing.TB) (store.Device, Elements, Held) {
	t.Helper()
	d := store.Device{Name: "SEP001122334455", IPMode: store.IPv4Only, SecurityMode: store.Encrypted, Operation: store.Install, AuthMode: store.ByNullString}
	held := Held{"lsc", certificate(t, "phone.crt").Raw}
	return d, Site{CAPF: []Server{{"capf.example.com", 3804}}}.Of(d, held), held
}

// TestEncryptedFile is read by a script that was written from the published layout, with
// openssl for the cryptography.
func TestEncryptedFile(t *testing.T) {
	const name = "SEP001122334455.cnf.xml"
	d, e, held := phone(t)
	odd := vector(t, name)
	whole := append(odd, bytes.Repeat([]byte("\n"), 16-len(odd)%16)...) // blocks, which are padded by one more
	for _, plain := range [][]byte{odd, whole} {
		for _, model := range []struct {
			name   string
			digest trustlist.Digest
			want   string
		}{{"CP-8861", trustlist.SHA1, "sha1"}, {"CP-8861", trustlist.SHA512, "sha512"}, {"CP-7962G", trustlist.SHA512, "sha1"}} {
			d.Model = model.name
			s := vectorSigner(t, time.Unix(1800000000, 0))
			s.variant.Digest = model.digest
			pair, err := s.Encrypt(name, plain, d, e, held, Pair{})
			if err != nil {
				t.Fatal(err)
			}
			if got := decrypted(t, pair.Encrypted, model.want); !bytes.Equal(got, plain) {
				t.Errorf("%s: it is decrypted to %q", model.name, got)
			}
			again, err := s.Encrypt(name, plain, d, e, held, pair)
			if err != nil || !bytes.Equal(again.Encrypted, pair.Encrypted) || !bytes.Equal(again.Companion, pair.Companion) {
				t.Errorf("%s: a second time, it is another one: %v", model.name, err)
			}
			e := e
			e.CertHash = strings.Repeat("0", 32)
			if again, err = s.Encrypt(name, plain, d, e, held, pair); err != nil || bytes.Equal(again.Encrypted, pair.Encrypted) || bytes.Equal(again.Companion, pair.Companion) {
				t.Errorf("%s: for another certificate, it is the same: %v", model.name, err)
			}
		}
	}
}

// decrypted has the script decrypt a file and verify its signature.
func decrypted(t *testing.T, file []byte, digest string) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, file, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("python3", "testdata/decrypt.py", in, "testdata/phone.key", "testdata/ccm.crt", digest, out).CombinedOutput()
	if err != nil {
		t.Fatalf("decrypt.py: %v\n%s", err, said)
	}
	plain, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestForeignEncryptedFile: the file of certutils, which the script reads too, is the plain one.
func TestForeignEncryptedFile(t *testing.T) {
	const name = "SEP001122334455.cnf.xml"
	if got := decrypted(t, vector(t, name+".enc.sgn"), "sha1"); !bytes.Equal(got, vector(t, name)) {
		t.Errorf("it is decrypted to %q", got)
	}
}

func TestNothingToEncryptFor(t *testing.T) {
	const name = "SEP001122334455.cnf.xml"
	d, e, held := phone(t)
	for _, c := range []struct {
		plain []byte
		held  Held
		want  string
	}{
		{vector(t, name), Held{}, "no certificate of SEP001122334455 is known: it has no LSC, and has not shown its MIC"},
		{vector(t, name), Held{"mic", certificate(t, "tftp-ec.crt").Raw}, "the MIC of SEP001122334455: files are encrypted with RSA keys only, and the phone has an EC key"},
		{[]byte("<device><fullConfig>false</fullConfig></device>"), held, "it has not the whole configuration: fullConfig is not true"},
		{[]byte("<!DOCTYPE device><device/>"), held, "it has a document type or entities of its own (<!DOCTYPE device…), which are not followed"},
	} {
		_, err := vectorSigner(t, time.Unix(0, 0)).Encrypt(name, c.plain, d, e, c.held, Pair{})
		if err == nil || err.Error() != c.want || !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("%v, not %s", err, c.want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"SEP001122334455.cnf.xml": true, "Desktops/320x212x12/List.xml": true, "a b.xml": true, "...": true, "München.xml": true,
		"": false, "/etc/passwd": false, "../x": false, "a/../x": false, "a//b": false, "a/": false, "./a": false, "..": false, `a\b`: false, "a\x00b": false, "a\nb": false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
