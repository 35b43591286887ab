package enroll

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
)

// openSSLBags has OpenSSL put the certificates into PKCS#7: signed by the CA,
// without lengths given in advance, and without a signer.
func (d *desk) openSSLBags(certs []*x509.Certificate) (streamed, streamedPEM, unsigned []byte) {
	d.Helper()
	dir := d.TempDir()
	key, err := crypto.PrivateKeyPEM(d.ca.key)
	if err != nil {
		d.Fatal(err)
	}
	for name, data := range map[string][]byte{"text": []byte("signed\n"), "key.pem": key, "ca.pem": pemOf(d.ca.Certificate), "certs.pem": pemOf(certs...)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			d.Fatal(err)
		}
	}
	openssl := func(args string) []byte {
		cmd := exec.CommandContext(d.Context(), "openssl", strings.Fields(args)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			d.Fatalf("openssl %s: %v\n%s", args, err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil {
			d.Fatal(err)
		}
		return data
	}
	const sign = "cms -sign -stream -nodetach -binary -in text -signer ca.pem -inkey key.pem -certfile certs.pem -out out -outform "
	return openssl(sign + "DER"), openssl(sign + "PEM"), openssl("crl2pkcs7 -nocrl -certfile certs.pem -out out -outform DER")
}

// TestBagsOfOpenSSL brings certificates in BER, as CAs write it that begin to
// write before they know how long it will be.
func TestBagsOfOpenSSL(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trusts(d.root, d.ca)
	var certs []*x509.Certificate
	for i := range 3 {
		certs = append(certs, d.sign(d.request(fmt.Sprintf("phone-%d", i))))
	}
	streamed, streamedPEM, unsigned := d.openSSLBags(certs)
	if !bytes.HasPrefix(streamed, []byte{0x30, 0x80}) {
		t.Fatalf("OpenSSL has written %x …: its length is given", streamed[:8])
	}
	lines, report, err := d.lines(ImportOptions{}, Bytes("streamed.p7b", streamed))
	if err != nil || report.Count(Imported) != 3 || report.Count(RefusedRow) != 0 {
		t.Fatalf("%v, %+v, %v", lines, report, err)
	}
	for name, data := range map[string][]byte{"streamed.pem": streamedPEM, "unsigned.p7b": unsigned} {
		lines, report, err := d.lines(ImportOptions{}, Bytes(name, data))
		if err != nil || report.Count(AlreadyThere) != 3 || report.Count(RefusedRow) != 0 {
			t.Errorf("%s: %v, %+v, %v", name, lines, report, err)
		}
	}
}

// TestWrongBags are refused with the reason, however deep or wide they are.
func TestWrongBags(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	chain := chainOf(t, d.root.Certificate)
	streamed, _, _ := d.openSSLBags([]*x509.Certificate{d.root.Certificate})
	open := append([]byte{0x30, 0x80}, signedDataDER()...)
	const damaged = "it begins like a PKCS#7 and is damaged (not BER: "
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"cut":       {streamed[:len(streamed)-1], damaged + "cut off)"},
		"half":      {streamed[:len(streamed)/2], damaged + "longer than its bytes)"},
		"DER cut":   {chain[:len(chain)-1], damaged + "longer than its bytes)"},
		"more":      {append(bytes.Clone(streamed), 0), "something follows after the PKCS#7 in it"},
		"two":       {append(bytes.Clone(streamed), streamed...), "something follows after the PKCS#7 in it"},
		"deep":      {append(bytes.Clone(open), bytes.Repeat([]byte{0xa0, 0x80}, 1<<19-100)...), damaged + "nested deeper than 40)"},
		"wide":      {append(bytes.Clone(open), bytes.Repeat([]byte{5, 0}, 1<<19-100)...), damaged + "the end is missing)"},
		"long":      {append(bytes.Clone(open), 0xa0, 0x84, 0xff, 0xff, 0xff, 0xff), damaged + "longer than its bytes)"},
		"no length": {append(bytes.Clone(open), 4, 0x80, 0, 0), damaged + "a value without a length)"},
	} {
		if certs, err := readCertificates(test.data); err == nil || err.Error() != test.want {
			t.Errorf("%s: %d certificates, %v; want %q", name, len(certs), err, test.want)
		}
	}
}
