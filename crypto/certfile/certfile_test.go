package certfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"capf/crypto/certfile"
)

// certify makes a self-signed CA.
func certify(t testing.TB, cn string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	return cert, key
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// utf16Of is a text as Windows' tools write it.
func utf16Of(text []byte, order binary.AppendByteOrder, mark bool) (data []byte) {
	if mark {
		data = order.AppendUint16(data, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		data = order.AppendUint16(data, unit)
	}
	return data
}

// revocations is a revocation list.
func revocations(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	return must[[]byte](t)(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1)},
		&x509.Certificate{Subject: pkix.Name{CommonName: "A"}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign}, key))
}

// forms are the wrappings that openssl makes of two certificates and a key.
func forms(t testing.TB, certs []byte, key *ecdsa.PrivateKey) func(name string) []byte {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	check(t, os.WriteFile(file("certs.pem"), certs, 0o600))
	check(t, os.WriteFile(file("key.pem"), block("EC PRIVATE KEY", must[[]byte](t)(x509.MarshalECPrivateKey(key))), 0o600))
	check(t, os.WriteFile(file("crl.pem"), block("X509 CRL", revocations(t, key)), 0o600))
	for name, args := range map[string]string{
		"p7crl.der":   "crl2pkcs7 -in crl.pem -certfile certs.pem -outform DER",
		"p7.der":      "crl2pkcs7 -nocrl -certfile certs.pem -outform DER",
		"p7.pem":      "crl2pkcs7 -nocrl -certfile certs.pem",
		"p7.ber":      "cms -sign -stream -nodetach -binary -in certs.pem -signer certs.pem -inkey key.pem -nocerts -certfile certs.pem -outform DER",
		"cms.pem":     "cms -sign -nodetach -binary -in certs.pem -signer certs.pem -inkey key.pem -nocerts -certfile certs.pem -outform PEM",
		"trusted.pem": "x509 -in certs.pem -trustout -addtrust clientAuth",
		"negative":    "req -x509 -key key.pem -subj /CN=A -set_serial -5",
		"text.pem":    "x509 -in certs.pem -text",
		"p12":         "pkcs12 -export -in certs.pem -inkey key.pem -passout pass:secret",
		"encrypted":   "pkcs8 -topk8 -in key.pem -outform DER -passout pass:secret",
	} {
		c := exec.CommandContext(t.Context(), "openssl", append(strings.Fields(args), "-out", name)...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", args, err, out)
		}
	}
	return func(name string) []byte { return must[[]byte](t)(os.ReadFile(file(name))) }
}

func TestParse(t *testing.T) {
	t.Parallel()
	a, key := certify(t, "A")
	b, _ := certify(t, "B")
	one, other := block("CERTIFICATE", a.Raw), block("CERTIFICATE", b.Raw)
	two := append(bytes.Clone(one), other...)
	made := forms(t, two, key)
	lines := func(text []byte, end string) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte(end)) }
	wrapped := func(text string) []byte { // in lines of 64
		var out []byte
		for i := 0; i < len(text); i += 64 {
			out = append(append(out, text[i:min(i+64, len(text))]...), "\r\n"...)
		}
		return out
	}
	bare := base64.StdEncoding.EncodeToString(a.Raw)
	for _, test := range []struct {
		name string
		data []byte
		want int
	}{
		{"PEM", one, 1},
		{"PEM chain", two, 2},
		{"PEM with text around it", []byte("Subject: CN = A\n" + string(two) + "the end\n"), 2},
		{"PEM behind a text that begins with a zero", []byte("0\tA\n" + string(one)), 1},
		{"openssl x509 -text", made("text.pem"), 1},
		{"mark of UTF-8", append([]byte("\xef\xbb\xbf"), one...), 1},
		{"line ends of Windows", lines(two, "\r\n"), 2},
		{"line ends that were made twice", lines(two, "\r\r\n"), 2},
		{"line ends of old Macs", lines(two, "\r"), 2},
		{"blanks behind lines", lines(two, " \t\n"), 2},
		{"indented", append([]byte("    "), lines(two, "\n    ")...), 2},
		{"joined without a line end", append(bytes.TrimSpace(one), other...), 2},
		{"without the last line end", bytes.TrimSpace(two), 2},
		{"UTF-16 of Windows", utf16Of(lines(two, "\r\n"), binary.LittleEndian, true), 2},
		{"UTF-16, the other order", utf16Of(two, binary.BigEndian, true), 2},
		{"UTF-16 without a mark", utf16Of(two, binary.LittleEndian, false), 2},
		{"UTF-16, the other order, without a mark", utf16Of(two, binary.BigEndian, false), 2},
		{"base64 in UTF-16", utf16Of(wrapped(bare), binary.LittleEndian, true), 1},
		{"base64 in UTF-16 without a mark", utf16Of(wrapped(bare), binary.LittleEndian, false), 1},
		{"openssl x509 -text in UTF-16 without a mark", utf16Of(made("text.pem"), binary.BigEndian, false), 1},
		{"old label", block("X509 CERTIFICATE", a.Raw), 1},
		{"label of OpenSSL, with trust settings", made("trusted.pem"), 1},
		{"DER", a.Raw, 1},
		{"DER chain", append(bytes.Clone(a.Raw), b.Raw...), 2},
		{"DER with a line end behind it", append(bytes.Clone(a.Raw), "\r\n"...), 1},
		{"base64 alone", []byte(bare), 1},
		{"base64 in lines", wrapped(bare), 1},
		{"base64 without padding", []byte(strings.TrimRight(bare, "=") + "\n"), 1},
		{"base64 of PEM", wrapped(base64.StdEncoding.EncodeToString(two)), 2},
		{"PKCS#7", made("p7.der"), 2},
		{"PKCS#7 with a line end behind it", append(made("p7.der"), '\n'), 2},
		{"PKCS#7 with a revocation list", made("p7crl.der"), 2},
		{"PKCS#7 in PEM", made("p7.pem"), 2},
		{"PKCS#7 in base64 alone", wrapped(base64.StdEncoding.EncodeToString(made("p7.der"))), 2},
		{"PKCS#7 that is called a certificate", block("CERTIFICATE", made("p7.der")), 2},
		{"PKCS#7 that is called otherwise", block("PKCS #7 SIGNED DATA", made("p7.der")), 2},
		{"PKCS#7 in BER", made("p7.ber"), 2},
		{"CMS in PEM", made("cms.pem"), 2},
		{"100 certificates", bytes.Repeat(one, 100), 100},
		{"1 MiB", append(bytes.Repeat([]byte("\n"), 1<<20-len(one)), one...), 1},
	} {
		certs, err := certfile.Parse(test.data)
		if err != nil || len(certs) != test.want {
			t.Errorf("%s: %d certificates, %v", test.name, len(certs), err)
			continue
		}
		found := false
		for _, c := range certs {
			found = found || c.Equal(a)
		}
		if !found {
			t.Errorf("%s: the certificate is not among them", test.name)
		}
	}
}

// TestNegativeSerial reads what some old CAs have made of themselves.
func TestNegativeSerial(t *testing.T) {
	t.Parallel()
	a, key := certify(t, "A")
	certs, err := certfile.Parse(forms(t, block("CERTIFICATE", a.Raw), key)("negative"))
	if err != nil || len(certs) != 1 || certs[0].SerialNumber.Sign() >= 0 {
		t.Errorf("read %v, %v", certs, err)
	}
}

// What is refused is named, with the line that makes certificates of it.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	cert, key := certify(t, "A")
	one := block("CERTIFICATE", cert.Raw)
	rsaKey := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	der := must[[]byte](t)
	pkcs8, sec1 := der(x509.MarshalPKCS8PrivateKey(key)), der(x509.MarshalECPrivateKey(key))
	csr := der(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key))
	crl := revocations(t, key)
	spki := der(x509.MarshalPKIXPublicKey(&key.PublicKey))
	made := forms(t, one, key)
	signedData := []byte{0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2} // RFC 2315, section 14
	packed := func(kind string) []byte {
		return must[[]byte](t)(os.ReadFile(filepath.Join("testdata", "root.pem."+kind)))
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	const (
		private = "it holds a private key, which does not belong here; its certificate alone, if it has one: openssl x509 -in FILE -out certificate.pem"
		request = "it is a certificate request, which a CA still has to sign; what is in it: openssl req -in FILE -noout -text"
		public  = "it is a public key, which a CA still has to certify; what is in it: openssl pkey -pubin -in FILE -noout -text"
		list    = "it is a revocation list, not a certificate; what is in it: openssl crl -in FILE -noout -text"
		store   = "it is a PKCS#12 store, which may hold a private key; its certificates alone: openssl pkcs12 -in FILE -nokeys -out certificates.pem"
		page    = "it is a page of HTML: download the certificate itself, not the page"
		garbage = "it is neither PEM nor DER nor base64"
		damaged = "it holds a damaged PEM block"
		empty   = "it is empty"
		unknown = "reading a certificate: x509: malformed tbs certificate"
	)
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, empty},
		{"blank", []byte(" \r\n"), empty},
		{"mark alone", []byte("\xef\xbb\xbf"), empty},
		{"text", []byte("certificate\n"), garbage},
		{"base64 of something else", []byte("AAAAAAAA"), garbage},
		{"page", []byte("\r\n <html>"), page},
		{"page in UTF-16", utf16Of([]byte("<html>"), binary.LittleEndian, true), page},
		{"over 1 MiB", make([]byte, 1<<20+1), "it has 1048577 bytes: at most 1048576 are read"},
		{"101 blocks", bytes.Repeat(one, 101), "it holds more than 100 certificates, which is the limit"},
		{"101 in DER", bytes.Repeat(cert.Raw, 101), "it holds more than 100 certificates, which is the limit"},
		{"no end", bytes.Replace(one, []byte("-----END"), []byte("----END"), 1), damaged},
		{"second block damaged", join(one, one[:60]), damaged},
		{"no base64", bytes.Replace(one, []byte("MII"), []byte("*II"), 1), damaged},
		{"something else after a certificate in DER", join(cert.Raw, []byte{0x04, 1, 0}), garbage},
		{"half a certificate", block("CERTIFICATE", cert.Raw[:100]), garbage},
		{"changed certificate", block("CERTIFICATE", join(cert.Raw[:4], []byte{0x31}, cert.Raw[5:])), "reading a certificate: x509: malformed tbs certificate"},
		{"truncated DER", cert.Raw[:100], garbage},
		{"byte after DER", append(bytes.Clone(cert.Raw), 0), garbage},
		{"PEM key", block("PRIVATE KEY", pkcs8), private},
		{"base64 of a PEM key", []byte(base64.StdEncoding.EncodeToString(block("PRIVATE KEY", pkcs8))), private},
		{"PEM key after a certificate", join(one, block("EC PRIVATE KEY", sec1)), private},
		{"PEM key before a certificate", join(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)), one), private},
		{"encrypted PEM key", block("ENCRYPTED PRIVATE KEY", made("encrypted")), private},
		{"damaged PEM key", join(one, []byte("-----BEGIN PRIVATE KEY-----\nAAAA")), private},
		{"PEM key in UTF-16", utf16Of(join(one, block("PRIVATE KEY", pkcs8)), binary.LittleEndian, true), "PEM block 2: " + private},
		{"key that is called a certificate", block("CERTIFICATE", pkcs8), private},
		{"PKCS#8", pkcs8, private},
		{"PKCS#8 of Ed25519 in base64", []byte(base64.StdEncoding.EncodeToString(der(x509.MarshalPKCS8PrivateKey(ed)))), private},
		{"encrypted PKCS#8", made("encrypted"), private},
		{"PKCS#1", x509.MarshalPKCS1PrivateKey(rsaKey), private},
		{"SEC 1", sec1, private},
		{"key after a certificate in DER", join(cert.Raw, pkcs8), private},
		{"PKCS#12", made("p12"), store},
		{"PKCS#12 in base64", []byte(base64.StdEncoding.EncodeToString(made("p12"))), store},
		{"PEM request", block("CERTIFICATE REQUEST", csr), request},
		{"old PEM request", block("NEW CERTIFICATE REQUEST", csr), request},
		{"request", csr, request},
		{"request that is called a certificate", block("CERTIFICATE", csr), request},
		{"CRL", crl, list},
		{"PEM CRL", block("X509 CRL", crl), list},
		{"PEM public key", block("PUBLIC KEY", spki), public},
		{"public key in base64", []byte(base64.StdEncoding.EncodeToString(spki)), public},
		{"request by its label alone", block("CERTIFICATE REQUEST", []byte{5, 0}), request},
		{"CRL by its label alone", block("X509 CRL", []byte{5, 0}), list},
		{"public key by its label alone", block("PUBLIC KEY", []byte{5, 0}), public},
		{"base64 of a PEM key by its label alone", []byte(base64.StdEncoding.EncodeToString(block("PRIVATE KEY", []byte{5, 0}))), private},
		{"version 2 of what is like PKCS#12", []byte{0x30, 5, 2, 1, 2, 0x30, 0}, unknown},
		{"version 3 without a content info", []byte{0x30, 5, 2, 1, 3, 4, 0}, unknown},
		{"version 3 with a damaged MAC", []byte{0x30, 7, 2, 1, 3, 0x30, 0, 0x30, 5}, unknown},
		{"half a PKCS#7 in DER", made("p7.der")[:100], "it begins like a PKCS#7 and is damaged (not BER: longer than its bytes)"},
		{"half a PKCS#7 in BER", made("p7.ber")[:len(made("p7.ber"))-2], "it begins like a PKCS#7 and is damaged (not BER: the end is missing)"},
		{"byte after PKCS#7 in DER", append(made("p7.der"), 'x'), "something follows after the PKCS#7 in it"},
		{"byte after PKCS#7 in BER", append(made("p7.ber"), 'x'), "something follows after the PKCS#7 in it"},
		{"PKCS#7 of another type", bytes.Replace(made("p7.der"), signedData, join(signedData[:10], []byte{3}), 1), unknown},
		{"PKCS#7 that is a SET", block("PKCS7", join([]byte{0x31, 0x20}, signedData)), garbage},
		{"PKCS#7 without content", join([]byte{0x30, 13}, signedData, []byte{0xa0, 0}), unknown},
		{"PKCS#7 whose content is a SET", join([]byte{0x30, 15}, signedData, []byte{0xa0, 2, 0x31, 0}), unknown},
		{"PKCS#7 with a tag that is longer than need be", join([]byte{0x30, 18}, signedData, []byte{0xa0, 5, 0x30, 3, 0x9f, 1, 0}), unknown},
		{"PKCS#7 without certificates", join([]byte{0x30, 15}, signedData, []byte{0xa0, 2, 0x30, 0}), "it is a PKCS#7 without a certificate"},
		{"changed certificate in PKCS#7", bytes.Replace(made("p7.der"), cert.Raw[:5], join(cert.Raw[:4], []byte{0x31}), 1),
			"it is a PKCS#7 with a damaged certificate (x509: malformed tbs certificate)"},
		{"zip", packed("zip"), "it is a zip archive; unpack it: unzip FILE"},
		{"gzip", packed("gz"), "it is compressed with gzip; unpack it: gunzip FILE, or tar xzf FILE"},
		{"tar", packed("tar"), "it is a tar archive; unpack it: tar xf FILE"},
		{"bzip2", packed("bz2"), "it is compressed with bzip2; unpack it: bunzip2 FILE, or tar xjf FILE"},
		{"xz", packed("xz"), "it is compressed with xz; unpack it: unxz FILE, or tar xJf FILE"},
		{"store of Windows", []byte("\x00\x00\x00\x00CERT\x20\x00\x00\x00"), "it is a serialized store of Windows: export the certificates as PKCS#7 (.p7b) from certmgr.msc"},
		{"Java key store", []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), "it is a Java key store, which may hold a private key; " +
			"one certificate of it: keytool -exportcert -rfc -keystore FILE -alias ALIAS -file certificate.pem"},
		{"parameters", block("EC PARAMETERS", []byte{6, 1, 1}), `it is a PEM block "EC PARAMETERS", not a certificate`},
	} {
		certs, err := certfile.Parse(test.data)
		if err == nil || err.Error() != test.want || len(certs) != 0 {
			t.Errorf("%s: %d certificates, %v\nwant %s", test.name, len(certs), err, test.want)
			continue
		}
		for kind, text := range map[error]string{certfile.ErrPrivateKey: private, certfile.ErrPage: page, certfile.ErrRequest: request} {
			if is := errors.Is(err, kind); is != strings.HasSuffix(test.want, text) {
				t.Errorf("%s: %q: %v", test.name, kind, is)
			}
		}
	}
}

// TestSplit takes texts apart that are no certificates, but have their marks.
func TestSplit(t *testing.T) {
	t.Parallel()
	const a, b = "-----BEGIN A-----\nAAAA\n-----END A-----\n", "-----BEGIN B-----\nBBBB\n-----END B-----\n"
	const damaged = "it holds a damaged PEM block"
	filled := func(n int) string {
		const begin, end = "-----BEGIN A-----\n", "\n-----END A-----\n"
		return begin + strings.Repeat("A", n-len(begin+end)) + end
	}
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"one", a, []string{a}},
		{"text between", "first\n" + a + "second\n" + b + "third", []string{a, b}},
		{"joined without a line end", strings.TrimSpace(a) + b, []string{a, b}},
		{"the last without a line end", a + strings.TrimSpace(b), []string{a, b}},
		{"blank lines in it", strings.ReplaceAll(a, "\n", "\n \n\n"), []string{a}},
		{"a begin in the middle of a line", "see -----BEGIN B----- below\n" + a, []string{a}},
		{"an end in the middle of a line", strings.Replace(a, "AAAA", "AAAA\nA -----END B-----", 1), []string{strings.Replace(a, "AAAA", "AAAA\nA -----END B-----", 1)}},
		{"no end before the next", "-----BEGIN A-----\nAAAA\n" + b, []string{damaged, b}},
		{"no end at all", a + "-----BEGIN B-----\nBBBB\n", []string{a, damaged}},
		{"as long as may be", filled(1 << 10), []string{filled(1 << 10)}},
		{"longer by one", filled(1<<10 + 1), []string{damaged}},
		{"neither", "text\n", []string{"it is neither PEM nor DER nor base64"}},
		{"base64 as long as may be", "MIIA" + strings.Repeat("A", 1<<10-4), []string{"\x30\x82" + strings.Repeat("\x00", 766)}},
		{"base64 longer by one line", "MIIA\n" + strings.Repeat("A", 1<<10), []string{"it is neither PEM nor DER nor base64"}},
		{"zero and more text", "0\ttext", []string{"it is neither PEM nor DER nor base64"}},
	} {
		var got []string
		check(t, certfile.Split(strings.NewReader(test.text), 1<<10, func(p certfile.Piece) error {
			if p.Err != nil {
				got = append(got, p.Err.Error())
			} else {
				got = append(got, string(p.Data))
			}
			return nil
		}))
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	// An error of whoever takes the pieces ends it.
	stop, calls := errors.New("enough"), 0
	for _, text := range []string{a + b, strings.TrimSpace(a) + b, "-----BEGIN A-----\nAAAA\n" + b} {
		calls = 0
		err := certfile.Split(strings.NewReader(text), 1<<10, func(certfile.Piece) error { calls++; return stop })
		if err != stop || calls != 1 {
			t.Errorf("%q: %v after %d pieces", text, err, calls)
		}
	}
}

// The limit is one for a piece, not for the file.
func TestSplitLimit(t *testing.T) {
	t.Parallel()
	cert, _ := certify(t, "A")
	one := block("CERTIFICATE", cert.Raw)
	long := block("CERTIFICATE", make([]byte, 8<<10))
	var got []string
	err := certfile.Split(bytes.NewReader(bytes.Join([][]byte{bytes.Repeat(one, 50), long, one, []byte("-----BEGIN CERTIFICATE-----" + strings.Repeat("A", 20<<10)), {'\n'}, one}, nil)), 4<<10, func(p certfile.Piece) error {
		switch {
		case p.Err != nil:
			got = append(got, p.Err.Error())
		case !bytes.Equal(p.Data, one):
			t.Errorf("block %d has become\n%s", p.Block, p.Data)
		}
		return nil
	})
	if err != nil || strings.Join(got, ", ") != "it holds a damaged PEM block, it holds a damaged PEM block" {
		t.Errorf("got %q, %v", got, err)
	}
	stop := errors.New("enough")
	if err := certfile.Split(bytes.NewReader(one), 4<<10, func(certfile.Piece) error { return stop }); err != stop {
		t.Errorf("the error of yield becomes %v", err)
	}
	binary := append([]byte{0x30, 0x82, 0x0f, 0xfc}, make([]byte, 0xffc)...)
	for _, data := range [][]byte{binary, append(bytes.Clone(binary), 0)} {
		want := "the piece"
		if len(data) > 4<<10 {
			want = "it is longer than 4 KiB, so it is no certificate"
		}
		said := ""
		check(t, certfile.Split(bytes.NewReader(data), 4<<10, func(p certfile.Piece) error {
			if p.Err != nil {
				said = p.Err.Error()
			} else if bytes.Equal(p.Data, data) {
				said = "the piece"
			}
			return nil
		}))
		if said != want {
			t.Errorf("%d bytes in DER: %q, want %q", len(data), said, want)
		}
	}
	for _, begin := range [][]byte{nil, cert.Raw, one[:100], one} {
		r := io.MultiReader(bytes.NewReader(begin), iotest.ErrReader(stop))
		if err := certfile.Split(r, 4<<10, func(p certfile.Piece) error { return p.Err }); err != stop {
			t.Errorf("the error of a reader behind %d bytes becomes %v", len(begin), err)
		}
	}
}

// FuzzParse: whatever a file holds, there are certificates or a reason, and each
// certificate stands alone.
func FuzzParse(f *testing.F) {
	cert, key := certify(f, "A")
	one := block("CERTIFICATE", cert.Raw)
	made := forms(f, one, key)
	for _, data := range [][]byte{
		cert.Raw, one, append(bytes.Clone(one), one...), []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\n"),
		made("p7.der"), made("p7.pem"), made("p7.ber"), made("trusted.pem"), made("p12"), utf16Of(one, binary.LittleEndian, true),
		[]byte(base64.StdEncoding.EncodeToString(cert.Raw)), {0x30, 0x80, 0, 0}, []byte("<html>"), nil,
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := certfile.Parse(data)
		if (err == nil) != (len(certs) > 0) || len(certs) > certfile.MaxCertificates {
			t.Errorf("%d certificates and %v", len(certs), err)
		}
		for _, c := range certs {
			if again, err := certfile.Parse(c.Raw); err != nil || len(again) != 1 {
				t.Errorf("a certificate that does not stand alone: %v", err)
			}
		}
	})
}
