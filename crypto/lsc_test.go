package crypto_test

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"capf/crypto"
)

func TestIssueIsVerifiedByOpenSSL(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	ca := writeFile(t, "capf.pem", crypto.CertificatePEM(a.Leaf().Raw))
	for _, kind := range crypto.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			spki := spkiOf(t, generate(t, kind))
			der, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: "SEP001122334455", SPKI: spki, ValidityDays: 365}, noon())
			if err != nil {
				t.Fatal(err)
			}
			lsc := writeFile(t, "lsc.pem", crypto.CertificatePEM(der))
			for _, purpose := range []string{"sslserver", "sslclient"} {
				// Level 0 for the keys of old phones, which openssl would call weak.
				out := openssl(t, "verify", "-x509_strict", "-auth_level", "0", "-purpose", purpose,
					"-attime", strconv.FormatInt(noon().Unix(), 10), "-CAfile", ca, lsc)
				if !strings.HasSuffix(strings.TrimSpace(out), ": OK") {
					t.Errorf("openssl verify: %s", out)
				}
			}
			cert := parse(t, der)
			if crypto.KeyHash(cert.RawSubjectPublicKeyInfo) != crypto.KeyHash(spki) {
				t.Error("the LSC holds another key")
			}
			want := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
			if kind.IsEC() {
				want = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
			}
			if cert.KeyUsage != want {
				t.Errorf("keyUsage %b, want %b", cert.KeyUsage, want)
			}
		})
	}
}

func TestIssueAsText(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	der, err := a.Issue(rand.Reader, crypto.LSCTemplate{
		Device: "SEP001122334455", CommonName: "CP-8861-SEP001122334455", SerialNumber: "PID:CP-8861 SN:FCH12345678",
		SPKI: spkiOf(t, generate(t, crypto.RSA2048)), ValidityDays: 1825,
	}, noon())
	if err != nil {
		t.Fatal(err)
	}
	text := openssl(t, "x509", "-noout", "-text", "-nameopt", "oneline", "-in", writeFile(t, "lsc.pem", crypto.CertificatePEM(der)))
	for _, want := range []string{
		"Version: 3 (0x2)",
		"Signature Algorithm: sha256WithRSAEncryption",
		"Issuer: C = DE, ST = BW, L = Ulm, O = Acme, OU = Voice, CN = CAPF-",
		"Not Before: Nov 22 11:00:00 2026 GMT",
		"Not After : Nov 21 12:00:00 2031 GMT",
		"Subject: serialNumber = PID:CP-8861 SN:FCH12345678, C = DE, O = Acme, OU = Voice, CN = CP-8861-SEP001122334455\n",
		"X509v3 Key Usage: critical\nDigital Signature, Key Encipherment\n",
		"X509v3 Extended Key Usage:\nTLS Web Server Authentication, TLS Web Client Authentication, IPSec End System\n",
		"X509v3 Basic Constraints: critical\nCA:FALSE\n",
		"X509v3 Subject Key Identifier:\n",
		"X509v3 Authority Key Identifier:\n",
		"X509v3 Subject Alternative Name:\nDNS:SEP001122334455\n",
	} {
		if !strings.Contains(unindent(text), want) {
			t.Errorf("openssl does not show %q in\n%s", want, text)
		}
	}
	cert := parse(t, der)
	if string(cert.AuthorityKeyId) != string(a.Leaf().SubjectKeyId) || len(cert.Extensions) != 6 {
		t.Errorf("authority key %x, %d extensions", cert.AuthorityKeyId, len(cert.Extensions))
	}
}

// unindent takes the blanks off both ends of each line.
func unindent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func TestIssueSubjectAlternativeName(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	spki := spkiOf(t, generate(t, crypto.EC256))
	for device, want := range map[string]bool{
		"SEP001122334455": true, "a": true, "tct.alice-1": true, strings.Repeat("a", 63): true, "az.AZ.09": true,
		"a@": false, "a[": false, "a`": false, "a{": false, "a/": false, "a:": false,
		"BOT_ALICE": false, "-a": false, "a-": false, "a..b": false, ".a": false, "a.": false, strings.Repeat("a", 64): false,
	} {
		der, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: device, SPKI: spki, ValidityDays: 1}, noon())
		if err != nil {
			t.Fatal(err)
		}
		cert := parse(t, der)
		if got := len(cert.DNSNames) == 1 && cert.DNSNames[0] == device; got != want || cert.Subject.CommonName != device {
			t.Errorf("%q: SAN %q, common name %q", device, cert.DNSNames, cert.Subject.CommonName)
		}
	}
}

// TestIssueLongName: a DNS name has up to 253 characters.
func TestIssueLongName(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	spki := spkiOf(t, generate(t, crypto.EC256))
	longest := strings.Repeat(strings.Repeat("a", 62)+".", 4) + "a"
	for device, want := range map[string]int{longest: 1, longest + "a": 0} {
		der, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: device, CommonName: "x", SPKI: spki, ValidityDays: 1}, noon())
		if err != nil {
			t.Fatal(err)
		}
		if names := parse(t, der).DNSNames; len(names) != want {
			t.Errorf("%d characters: SAN %q", len(device), names)
		}
	}
}

func TestIssueValidity(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	spki := spkiOf(t, generate(t, crypto.EC256))
	begin, end := a.Leaf().NotBefore, a.Leaf().NotAfter
	tests := []struct {
		now       time.Time
		days      int
		from, til time.Time
	}{
		{noon(), 1, begin, noon().AddDate(0, 0, 1)},
		{noon().Add(-time.Minute), 1, begin, noon().AddDate(0, 0, 1).Add(-time.Minute)},
		{noon().Add(1500 * time.Millisecond), 7, begin.Add(time.Second), noon().AddDate(0, 0, 7).Add(time.Second)},
		{end.AddDate(0, 0, -10), 30, end.AddDate(0, 0, -10).Add(-time.Hour), end},
	}
	for _, test := range tests {
		der, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: "SEP001122334455", SPKI: spki, ValidityDays: test.days}, test.now)
		if err != nil {
			t.Fatal(err)
		}
		if cert := parse(t, der); !cert.NotBefore.Equal(test.from) || !cert.NotAfter.Equal(test.til) {
			t.Errorf("%d days at %s: %s to %s", test.days, test.now, cert.NotBefore, cert.NotAfter)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	spki := spkiOf(t, generate(t, crypto.EC256))
	long := strings.Repeat("x", 65)
	late := a.Leaf().NotAfter.Add(time.Second)
	tests := []struct {
		l    crypto.LSCTemplate
		now  time.Time
		want string
	}{
		{crypto.LSCTemplate{Device: "SEP1", SPKI: spki}, noon(), `issuing an LSC for "SEP1": a validity of 0 days: 1 to 1825 are allowed`},
		{crypto.LSCTemplate{Device: "SEP1", SPKI: spki, ValidityDays: 1826}, noon(), `issuing an LSC for "SEP1": a validity of 1826 days: 1 to 1825 are allowed`},
		{crypto.LSCTemplate{Device: "SEP1", ValidityDays: 1}, noon(), `issuing an LSC for "SEP1": reading a public key: asn1: syntax error: sequence truncated`},
		{crypto.LSCTemplate{Device: long, SPKI: spki, ValidityDays: 1}, noon(), `issuing an LSC for "` + long + `": common name "` + long + `" has 65 characters: at most 64 are allowed`},
		{crypto.LSCTemplate{SPKI: spki, ValidityDays: 1}, noon(), `issuing an LSC for "": common name is empty`},
		{crypto.LSCTemplate{Device: "SEP1", SerialNumber: "a*b", SPKI: spki, ValidityDays: 1}, noon(), `issuing an LSC for "SEP1": serial number "a*b" has a character outside PrintableString`},
		{crypto.LSCTemplate{Device: "SEP1", SPKI: spki, ValidityDays: 1}, late,
			`issuing an LSC for "SEP1": CAPF certificate: "` + a.Leaf().Subject.CommonName + `" has expired on 2031-11-22T12:00:00Z`},
	}
	for _, test := range tests {
		_, err := a.Issue(rand.Reader, test.l, test.now)
		wantError(t, err, test.want)
	}
	_, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: "SEP1", SPKI: spki, ValidityDays: 1}, late)
	if !errors.Is(err, crypto.ErrExpired) {
		t.Errorf("%v is not ErrExpired", err)
	}
}

// What the issuer's subject holds is copied in its own encoding and order of values.
func TestSubjectCopies(t *testing.T) {
	t.Parallel()
	issuer := newIdentity(t, "CA", nil, edits(asCA, func(c *x509.Certificate) {
		c.Subject = pkix.Name{Country: []string{"US"}, Organization: []string{"Ümlaut"}, OrganizationalUnit: []string{"One", "Two"},
			Province: []string{"ST"}, Locality: []string{"L"}, StreetAddress: []string{"Street"}, SerialNumber: "1", CommonName: "CA"}
	}))
	raw, err := crypto.LSCTemplate{Device: "BOT_1"}.Subject(issuer.cert)
	if err != nil {
		t.Fatal(err)
	}
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &name); err != nil || len(rest) > 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
	if got, want := name.String(), "CN=BOT_1,OU=Two,OU=One,O=Ümlaut,C=US"; got != want && got != "CN=BOT_1,OU=One,OU=Two,O=Ümlaut,C=US" {
		t.Errorf("subject %s, want %s", got, want)
	}
}

func TestMICNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 65)
	for _, test := range [][4]string{
		{"CP-8861-SEP001122334455", "PID:CP-8861 SN:FCH12345678", "CP-8861-SEP001122334455", "PID:CP-8861 SN:FCH12345678"},
		{"SEP001122334455", "", "SEP001122334455", ""},
		{long, "PID_1", "", ""},
		{"a", "azAZ09 '()+,-./:=?", "a", "azAZ09 '()+,-./:=?"}, // all of PrintableString
		{"a", "1@", "a", ""}, {"a", "1[", "a", ""}, {"a", "1`", "a", ""}, {"a", "1{", "a", ""}, {"a", "1;", "a", ""}, {"a", "1*", "a", ""},
	} {
		cn, serial := crypto.MICNames(&x509.Certificate{Subject: pkix.Name{CommonName: test[0], SerialNumber: test[1]}})
		if cn != test[2] || serial != test[3] {
			t.Errorf("%q and %q became %q and %q", test[0], test[1], cn, serial)
		}
	}
}

func TestCheckLSC(t *testing.T) {
	t.Parallel()
	ca := newIdentity(t, "CA", nil, asCA)
	key := generate(t, crypto.RSA2048)
	good := func(c *x509.Certificate) {
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	want := crypto.Expect{KeyHash: crypto.KeyHash(spkiOf(t, key)), CommonName: "SEP001122334455", Device: "SEP001122334455"}
	with := func(edit func(*x509.Certificate)) *identity {
		return certify(t, "SEP001122334455", key, ca, edits(good, edit))
	}
	purposes := func(list ...x509.ExtKeyUsage) *identity {
		return with(func(c *x509.Certificate) { c.ExtKeyUsage = list })
	}
	names := func(list ...string) *identity { return with(func(c *x509.Certificate) { c.DNSNames = list }) }
	const sans = `the subjectAltName of the certificate of "SEP001122334455" names `
	tests := []struct {
		name, want string
		id         *identity
	}{
		{"good", "", certify(t, "sep001122334455", key, ca, good)},
		{"other key", `the certificate of "SEP001122334455" holds another key than the phone's`, newIdentity(t, "SEP001122334455", ca, good)},
		{"other name", `the certificate's common name is "SEP001122334456" instead of "SEP001122334455"`, certify(t, "SEP001122334456", key, ca, good)},
		{"CA", `the certificate of "SEP001122334455" is a CA's`, certify(t, "SEP001122334455", key, ca, edits(good, asCA))},
		{"CA by basicConstraints alone", `the certificate of "SEP001122334455" is a CA's`,
			with(func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true })},
		{"keyCertSign", `the certificate of "SEP001122334455" is a CA's`,
			certify(t, "SEP001122334455", key, ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })},
		{"expired", `"SEP001122334455" has expired on 2025-11-22T12:00:00Z`, certify(t, "SEP001122334455", key, ca, edits(good, asExpired))},
		{"future", `"SEP001122334455" is not valid before 2026-11-22T12:00:01Z`, certify(t, "SEP001122334455", key, ca,
			edits(good, func(c *x509.Certificate) { c.NotBefore = noon().Add(time.Second) }))},
		{"no keyUsage", `the certificate of "SEP001122334455" has a keyUsage without digitalSignature and keyEncipherment`,
			certify(t, "SEP001122334455", key, ca, nil)},
		{"no keyEncipherment", `the certificate of "SEP001122334455" has a keyUsage without keyEncipherment`,
			certify(t, "SEP001122334455", key, ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })},
		{"for clients", "", purposes(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)},
		{"for anything", "", purposes(x509.ExtKeyUsageAny)},
		{"for servers only", `"SEP001122334455" has an extendedKeyUsage without clientAuth`, purposes(x509.ExtKeyUsageServerAuth)},
		{"its own SAN", "", names("SEP001122334455")},
		{"its own SAN in a domain", "", names("sep001122334455.phones.example.com")},
		{"SAN of another phone", sans + `"SEP001122334456"`, names("SEP001122334455", "SEP001122334456")},
		{"SAN of a server", sans + `"ca.example.com"`, names("ca.example.com")},
		{"SAN with an address", sans + `"192.0.2.1"`, with(func(c *x509.Certificate) { c.IPAddresses = []net.IP{{192, 0, 2, 1}} })},
		{"SAN with a host", sans + `"https://ca.example.com/"`, with(func(c *x509.Certificate) {
			c.URIs = []*url.URL{{Scheme: "https", Host: "ca.example.com", Path: "/"}}
		})},
		{"two names", "the certificate has 2 common names", with(func(c *x509.Certificate) {
			c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
				{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "admin"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "SEP001122334455"}}}
		})},
		{"critical extension", `"SEP001122334455" has the unknown critical extension 1.2.3`, with(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := crypto.CheckLSC(test.id.cert.Raw, want, noon())
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, test.want)
			if !errors.Is(err, crypto.ErrUnsuitable) {
				t.Errorf("%v is not ErrUnsuitable", err)
			}
		})
	}
	// A phone whose MIC names it otherwise may have either name in its SAN.
	named := crypto.Expect{KeyHash: want.KeyHash, CommonName: "CP-8861.SEP001122334455", Device: "SEP001122334455"}
	for _, san := range []string{"CP-8861.SEP001122334455", "SEP001122334455", "SEP001122334455.example.com"} {
		id := certify(t, named.CommonName, key, ca, edits(good, func(c *x509.Certificate) { c.DNSNames = []string{san} }))
		if err := crypto.CheckLSC(id.cert.Raw, named, noon()); err != nil {
			t.Errorf("SAN %q: %v", san, err)
		}
	}
	named.CommonName = "CP-8861-SEP001122334455"
	id := certify(t, named.CommonName, key, ca, edits(good, func(c *x509.Certificate) { c.DNSNames = []string{"cp-8861-sep001122334455.example.com"} }))
	if err := crypto.CheckLSC(id.cert.Raw, named, noon()); err != nil {
		t.Errorf("SAN of the common name in a domain: %v", err)
	}
	// The longest that a phone takes.
	for size, fits := crypto.MaxLSC-1000, true; fits; size++ {
		id := certify(t, "SEP001122334455", key, ca, edits(good, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, size)}}
		}))
		if short := crypto.MaxLSC - len(id.cert.Raw); short > 10 {
			size += short - 10 // the length of an ECDSA signature varies a little
			continue
		}
		fits = len(id.cert.Raw) <= crypto.MaxLSC
		if err := crypto.CheckLSC(id.cert.Raw, want, noon()); (err == nil) != fits {
			t.Errorf("%d bytes: %v", len(id.cert.Raw), err)
		}
	}
	anyPurpose := want
	anyPurpose.AnyPurpose = true
	if err := crypto.CheckLSC(purposes(x509.ExtKeyUsageServerAuth).cert.Raw, anyPurpose, noon()); err != nil {
		t.Errorf("for whatever purpose: %v", err)
	}
	long := certify(t, "SEP001122334455", key, ca, edits(good, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, crypto.MaxLSC)}}
	}))
	wantError(t, crypto.CheckLSC(long.cert.Raw, want, noon()),
		fmt.Sprintf(`the certificate of "SEP001122334455" has %d bytes, too many for a phone: at most 12288`, len(long.cert.Raw)))
	ec := newIdentity(t, "SEP001122334455", ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	want.KeyHash = crypto.KeyHash(ec.cert.RawSubjectPublicKeyInfo)
	if err := crypto.CheckLSC(ec.cert.Raw, want, noon()); err != nil {
		t.Error(err)
	}
	weak := signedOverSHA1(t, certify(t, "CA", key, nil, asCA), key, "SEP001122334455")
	want.KeyHash = crypto.KeyHash(weak.RawSubjectPublicKeyInfo)
	wantError(t, crypto.CheckLSC(weak.Raw, want, weak.NotBefore),
		`the certificate of "SEP001122334455" is signed with SHA1-RSA: SHA-256 or better is needed`)
	wantError(t, crypto.CheckLSC([]byte("text"), want, noon()), "reading the certificate: x509: malformed certificate")
}

func TestDoubtsAboutLSC(t *testing.T) {
	t.Parallel()
	key := generate(t, crypto.RSA2048)
	ca := certify(t, "CA", key, nil, asCA)
	want := crypto.Expect{CommonName: "SEP001122334455"}
	for _, test := range []struct {
		name string
		edit func(*x509.Certificate)
		want string // the beginning of each
	}{
		{"none", func(*x509.Certificate) {}, ""},
		{"longer than its issuer", func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(time.Hour) }, "it outlives its issuer, which ends on 2026-11-23"},
		{"RSASSA-PSS", func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSAPSS }, "it is signed with RSASSA-PSS"},
		{"lower case", func(c *x509.Certificate) { c.Subject.CommonName = "sep001122334455" }, `its common name "sep001122334455" is written otherwise`},
	} {
		lsc := certify(t, "SEP001122334455", key, ca, test.edit)
		doubts := crypto.DoubtsAboutLSC([]*x509.Certificate{lsc.cert, ca.cert}, want)
		if got := strings.Join(doubts, "; "); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: %q", test.name, got)
		}
	}
	for serial, beginning := range map[int64]string{0: "its serial number is zero", -7: "its serial number is negative"} {
		doubts := crypto.DoubtsAboutLSC([]*x509.Certificate{{Subject: pkix.Name{CommonName: want.CommonName}, SerialNumber: big.NewInt(serial)}}, want)
		if len(doubts) != 1 || !strings.HasPrefix(doubts[0], beginning) {
			t.Errorf("serial %d: %q", serial, doubts)
		}
	}
}

// BenchmarkIssue against BenchmarkBareSignature shows what Issue costs beside its signature.
func BenchmarkIssue(b *testing.B) {
	a := newAuthority(b)
	spki := spkiOf(b, generate(b, crypto.RSA2048))
	l := crypto.LSCTemplate{Device: "SEP001122334455", SPKI: spki, ValidityDays: 1825}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Issue(rand.Reader, l, noon()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareSignature(b *testing.B) {
	key := generate(b, crypto.RSA2048).(*rsa.PrivateKey)
	digest := sha256.Sum256([]byte("text"))
	for b.Loop() {
		if _, err := rsa.SignPKCS1v15(nil, key, stdcrypto.SHA256, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}
