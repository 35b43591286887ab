package trustlist

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"
)

// made is a list with these records, signed by its first one.
func made(t testing.TB, name string, signer crypto.Signer, records ...Record) *List {
	t.Helper()
	l := &List{Header{Digest: SHA1, SignerVersion: SignerVersion10, FileName: name, Time: time.Unix(1, 0)}, records}
	b, err := l.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	l, err = Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// selfSigned is a certificate with a subject and a serial number of the test's choice.
func selfSigned(t testing.TB, key crypto.Signer, subject []byte, serial *big.Int) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{RawSubject: subject, SerialNumber: serial, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TestJudge has the rules by which phones take lists: leap of faith, a SAST of the list
// that they hold, TVS, and no other way.
func TestJudge(t *testing.T) {
	sast, spare, capf, tvs := certificate(t, "sast.crt"), certificate(t, "ccm.crt"), certificate(t, "capf.crt"), certificate(t, "tvs.crt")
	old := made(t, "ITLFile.tlv", key(t, "sast.key"), NewRecord(sast, RoleSAST), NewRecord(spare, RoleSAST), NewRecord(capf, RoleCAPF))
	rotated := made(t, "ITLFile.tlv", key(t, "ccm.key"), NewRecord(spare, RoleSAST), NewRecord(capf, RoleCAPF))
	alone := made(t, "ITLFile.tlv", key(t, "sast.key"), NewRecord(sast, RoleSAST))
	vouched := made(t, "ITLFile.tlv", key(t, "sast.key"), NewRecord(sast, RoleSAST), NewRecord(tvs, RoleTVS))
	notSAST := made(t, "CTLFile.tlv", key(t, "sast.key"), NewRecord(sast, RoleSAST), NewRecord(spare, RoleCCMTFTP))
	namesake := selfSigned(t, key(t, "ccm.key"), sast.RawSubject, sast.SerialNumber)
	impostor := made(t, "ITLFile.tlv", key(t, "ccm.key"), NewRecord(namesake, RoleSAST))
	for _, c := range []struct {
		what string
		held []*List
		next *List
		want Outcome
		says string
	}{
		{"no list", nil, old, LeapOfFaith, "holds no list"},
		{"the same signer", []*List{old}, old, Accepted, `"CN=SAST,OU=SAST,O=Example GmbH" is in the phone's ITLFile.tlv with the role sast`},
		{"the spare signs", []*List{old}, rotated, Accepted, "is in the phone's ITLFile.tlv with the role sast"},
		{"both keys at once", []*List{alone}, rotated, Refused, "in no list of the phone, and these name no TVS server"},
		{"both at once, with TVS", []*List{vouched}, rotated, AskTVS, "which asks TVS about it"},
		{"in the CTL only", []*List{alone, old}, rotated, Accepted, "with the role sast"},
		{"signer has another role", []*List{notSAST}, rotated, Refused, "has the role sast in no list"},
		{"same name, another key", []*List{vouched}, impostor, Refused, "another certificate with the signer's issuer and serial number"},
	} {
		if v := Judge(c.held, c.next); v.Outcome != c.want || !strings.Contains(v.Reason, c.says) || v.Signer == nil {
			t.Errorf("%s: %+v, want %s with %q", c.what, v, c.want, c.says)
		}
	}
	if now := Replace([]*List{old, notSAST}, rotated); len(now) != 2 || now[0] != rotated || now[1] != notSAST {
		t.Errorf("%v", now)
	}
	if Find([]*List{old}, capf, RoleCAPF) == nil || Find([]*List{old}, capf, RoleTVS) != nil || Find([]*List{notSAST}, spare, RoleTFTP) == nil {
		t.Error("a certificate has its role, and no other")
	}
	if NeedsSignedFiles([]*List{old}) || !NeedsSignedFiles([]*List{old, notSAST}) || TakesEC([]*List{old}) {
		t.Error("signed files are needed where a list has the role TFTP; EC, where the signer version is 1.1")
	}
}

// TestJudgeFile has the same for signed configuration files.
func TestJudgeFile(t *testing.T) {
	sast, ccm, tvs := certificate(t, "sast.crt"), certificate(t, "ccm.crt"), certificate(t, "tvs.crt")
	f, err := ParseFile(read(t, "SEP001122334455.cnf.xml.sgn"))
	if err != nil {
		t.Fatal(err)
	}
	list := func(records ...Record) []*List {
		return []*List{made(t, "ITLFile.tlv", key(t, "sast.key"), append([]Record{NewRecord(sast, RoleSAST)}, records...)...)}
	}
	for what, c := range map[string]struct {
		held []*List
		want Outcome
	}{
		"ccm+tftp":      {list(NewRecord(ccm, RoleCCMTFTP)), Accepted},
		"tftp":          {list(NewRecord(ccm, RoleTFTP)), Accepted},
		"ccm":           {list(NewRecord(ccm, RoleCCM)), Refused},
		"ccm, with tvs": {list(NewRecord(ccm, RoleCCM), NewRecord(tvs, RoleTVS)), AskTVS},
		"another key":   {list(NewRecord(selfSigned(t, key(t, "sast.key"), ccm.RawSubject, ccm.SerialNumber), RoleTFTP)), Refused},
	} {
		if v := JudgeFile(c.held, f); v.Outcome != c.want {
			t.Errorf("%s: %+v", what, v)
		}
	}
}

// TestNames holds the spelling of names, and which ones are the same.
func TestNames(t *testing.T) {
	long := strings.Repeat("ü", 64) + strings.Repeat("x", 64)
	for _, c := range []struct {
		name pkix.RDNSequence
		want string
	}{
		{pkix.RDNSequence{{{Type: []int{2, 5, 4, 3}, Value: "Müller, \"A+B\" <x>; \\"}}}, `CN=Müller\, \"A\+B\" \<x\>\; \\`},
		{pkix.RDNSequence{{{Type: []int{2, 5, 4, 10}, Value: " #x "}}, {{Type: []int{2, 5, 4, 3}, Value: "#x"}}}, `O=\ #x\ ,CN=\#x`},
		{pkix.RDNSequence{{{Type: []int{2, 5, 4, 3}, Value: "a"}, {Type: []int{2, 5, 4, 5}, Value: "1"}}}, `CN=a+2.5.4.5=1`},
		{pkix.RDNSequence{{{Type: []int{2, 5, 4, 3}, Value: long}}, {{Type: []int{0, 9, 2342, 19200300, 100, 1, 25}, Value: "example"}}}, "CN=" + long + ",DC=example"},
		{nil, ""},
	} {
		subject, err := asn1.Marshal(c.name)
		if err != nil {
			t.Fatal(err)
		}
		cert := selfSigned(t, key(t, "sast.key"), subject, big.NewInt(7))
		r := NewRecord(cert, RoleSAST)
		if r.Subject != c.want {
			t.Errorf("%q, want %q", r.Subject, c.want)
		}
		if l := made(t, "ITLFile.tlv", key(t, "sast.key"), r); l.Verify() != nil || l.SignerName != c.want {
			t.Errorf("%q: %v", l.SignerName, l.Verify())
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"CN=a,O=b", "CN=a;O=b", true},
		{`CN=a,O=b\, c`, "CN=a;O=b, c", true},
		{"CN=a,O=b", "O=b,CN=a", false},
		{"CN=a", "CN=A", false},
		{`CN=a\;O=b`, "CN=a;O=b", false},
	} {
		if sameName(c.a, c.b) != c.same || sameName(c.b, c.a) != c.same {
			t.Errorf("%q and %q: %v", c.a, c.b, !c.same)
		}
	}
}
