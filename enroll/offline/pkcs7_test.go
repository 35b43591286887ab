package offline

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
	"capf/enroll/companytest"
)

// openSSLPKCS7 has OpenSSL put the certificates into PKCS#7: signed by the CA,
// without lengths given in advance, and without a signer.
func (d *desk) openSSLPKCS7(certs []*x509.Certificate) (streamed, streamedPEM, unsigned []byte) {
	d.Helper()
	dir := d.TempDir()
	key, err := crypto.PrivateKeyPEM(d.CA.Key)
	if err != nil {
		d.Fatal(err)
	}
	for name, data := range map[string][]byte{"text": []byte("signed\n"), "key.pem": key, "ca.pem": companytest.PEM(d.CA.Certificate), "certs.pem": companytest.PEM(certs...)} {
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

// TestPKCS7OfOpenSSL brings certificates in BER, as CAs write it that begin to
// write before they know how long it will be.
func TestPKCS7OfOpenSSL(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	var certs []*x509.Certificate
	for i := range 3 {
		certs = append(certs, d.Sign(d.Request(fmt.Sprintf("phone-%d", i))))
	}
	streamed, streamedPEM, unsigned := d.openSSLPKCS7(certs)
	if !bytes.HasPrefix(streamed, []byte{0x30, 0x80}) {
		t.Fatalf("OpenSSL has written %x …: its length is given", streamed[:8])
	}
	lines, report, err := d.lines(ImportOptions{}, Bytes("streamed.p7b", streamed))
	if err != nil || report.Count(Imported) != 3 || report.Count(Refused) != 0 {
		t.Fatalf("%v, %+v, %v", lines, report, err)
	}
	for name, data := range map[string][]byte{"streamed.pem": streamedPEM, "unsigned.p7b": unsigned} {
		lines, report, err := d.lines(ImportOptions{}, Bytes(name, data))
		if err != nil || report.Count(AlreadyThere) != 3 || report.Count(Refused) != 0 {
			t.Errorf("%s: %v, %+v, %v", name, lines, report, err)
		}
	}
}
