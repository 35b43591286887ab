package trustlist

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// TestCut cuts files everywhere. What is left is refused, or, where a record or the body
// ends, has no valid signature.
func TestCut(t *testing.T) {
	signer := certificate(t, "ccm.crt")
	for _, name := range []string{"ITLFile.tlv", "SEP001122334455.cnf.xml.sgn", "SEP001122334455.cnf.xml.enc.sgn"} {
		whole := read(t, name)
		for n := range len(whole) {
			list, file, err := ParseAny(whole[:n])
			switch {
			case err != nil && !errors.Is(err, ErrMalformed):
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			case list != nil && list.Verify() == nil, file != nil && file.Verify(signer) == nil:
				t.Fatalf("%s cut to %d bytes has a valid signature", name, n)
			}
		}
	}
}

// TestChanged changes each byte of a list.
func TestChanged(t *testing.T) {
	whole := read(t, "ITLFile.tlv")
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		if l, err := Parse(changed); err == nil && l.Verify() == nil {
			t.Errorf("byte %d may be another one", i)
		}
	}
}

// cucm writes a list as CUCM does, or as nobody should: byte by byte after the page on
// trust lists, not with what this package writes with.
type cucm struct {
	header  []byte // instead of the elements after HEADERLENGTH, with <sig> for SIGNATURE
	length  int    // instead of the true HEADERLENGTH
	records [][]byte
	key     *rsa.PrivateKey
}

// element is one in the encoding of the page.
func element(tag byte, value ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{tag}, uint16(len(value))), value...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func nul(s string) []byte { return append([]byte(s), 0) }

// record puts the length before elements.
func record(elements ...[]byte) []byte {
	body := join(elements...)
	return append(element(1, binary.BigEndian.AppendUint16(nil, uint16(len(body)+5))...), body...)
}

// semicolons is the name of a certificate as CUCM joins it.
func semicolons(name string) []byte { return nul(strings.ReplaceAll(name, ",", ";")) }

// sastRecord is one of CUCM, with a host and an address.
func sastRecord(cert *x509.Certificate, role byte) []byte {
	return record(element(2, nul("cucm.example.com")...), element(3, semicolons("CN=SAST,OU=SAST,O=Example GmbH")...), element(4, 0, role),
		element(5, semicolons("CN=SAST,OU=SAST,O=Example GmbH")...), element(6, cert.SerialNumber.Bytes()...),
		element(7, x509.MarshalPKCS1PublicKey(cert.PublicKey.(*rsa.PublicKey))...), element(8, cert.Signature...),
		element(9, cert.Raw...), element(10, 192, 0, 2, 1))
}

// signerID has the elements in CUCM's order.
func signerID(cert *x509.Certificate) []byte {
	return element(3, join(element(4, semicolons("CN=SAST,OU=SAST,O=Example GmbH")...), element(5, cert.SerialNumber.Bytes()...),
		element(6, semicolons("CN=SAST,OU=SAST,O=Example GmbH")...))...)
}

// sha1RSA2048 is the SIGNATUREINFO.
func sha1RSA2048() []byte {
	return element(7, join(element(8, 1), element(9, join(element(10, 0), element(11, 2))...))...)
}

func (c cucm) bytes(t testing.TB) []byte {
	t.Helper()
	before, after, _ := bytes.Cut(c.header, []byte("<sig>"))
	head := join(element(1, 1, 2), element(2, 0, 0), before, element(12, make([]byte, 256)...), after)
	cut := 10 + len(before)
	for len(head)%4 != 0 {
		head = append(head, 13)
	}
	length := len(head)
	if c.length != 0 {
		length = c.length
	}
	binary.BigEndian.PutUint16(head[8:], uint16(length))
	file := append(head, join(c.records...)...)
	sum := sha1.Sum(join(file[:cut], file[cut+259:]))
	signature, err := rsa.SignPKCS1v15(nil, c.key, crypto.SHA1, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	copy(file[cut+3:], signature)
	return file
}

// TestListOfCUCM reads a list with semicolons, hosts, addresses, CUCM's order, a record
// without a certificate, unknown elements, and 13 where it is an ordinary tag.
func TestListOfCUCM(t *testing.T) {
	sast := certificate(t, "sast.crt")
	bare := record(element(2, nul("192.0.2.111")...), element(4, 0, 2), element(10, 192, 0, 2, 111))
	file := cucm{
		header:  join([]byte{13}, signerID(sast), []byte{13, 13}, sha1RSA2048(), []byte("<sig>"), element(14, nul("CTLFile.tlv")...), element(99, 7, 8), element(15, 0x55, 0, 0, 0)),
		records: [][]byte{sastRecord(sast, 0), bare, record(element(4, 0, 77), element(13, 1, 2, 3), element(200))},
		key:     key(t, "sast.key"),
	}.bytes(t)
	l, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(); err != nil {
		t.Error(err)
	}
	first, second, third := l.Records[0], l.Records[1], l.Records[2]
	for what, ok := range map[string]bool{
		"no signer version":      l.SignerVersion == 0 && !l.TakesEC(),
		"unknown header element": len(l.Unknown) == 1 && l.Unknown[0].Tag == 99,
		"host and address":       first.DNSName == "cucm.example.com" && bytes.Equal(first.Address, []byte{192, 0, 2, 1}),
		"bare record":            second.Role == RoleCCMTFTP && second.DER == nil && second.Subject == "",
		"13 in a record":         len(third.Unknown) == 2 && third.Unknown[0].Tag == 13 && len(third.Unknown[0].Value) == 3,
		"unknown role":           third.Role.String() == "77",
		"holds":                  first.Holds(sast) && !second.Holds(sast),
	} {
		if !ok {
			t.Errorf("%s: %+v", what, l)
		}
	}
	// The next list by certutils, with commas, has the same signer.
	next, err := Parse(read(t, "ITLFile.tlv"))
	if err != nil {
		t.Fatal(err)
	}
	if v := Judge([]*List{l}, next); v.Outcome != Accepted || !strings.Contains(v.Reason, "is spelled \"CN=SAST;OU=SAST;O=Example GmbH\" there") {
		t.Errorf("%+v", v)
	}
	// What has been read is written again with all its elements.
	l.Digest, l.SignerVersion = SHA1, SignerVersion11
	written, err := l.Sign(key(t, "sast.key"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(written)
	if err != nil || again.Verify() != nil || fmt.Sprint(again.Records) != fmt.Sprint(l.Records) || fmt.Sprint(again.Unknown) != fmt.Sprint(l.Unknown) {
		t.Errorf("%v: %+v became %+v", err, l, again)
	}
}

func TestMalformedLists(t *testing.T) {
	sast := certificate(t, "sast.crt")
	name, record0 := element(14, nul("CTLFile.tlv")...), sastRecord(sast, 0)
	header := join(signerID(sast), sha1RSA2048(), []byte("<sig>"), name)
	inside := func(id []byte) []byte { return join(id, sha1RSA2048(), []byte("<sig>"), name) }
	for says, c := range map[string]cucm{
		"HEADERLENGTH is 65532, but the file has":                                {header: header, length: 65532},
		"HEADERLENGTH is 4, but 10 bytes of the header were read":                {header: header, length: 4},
		"HEADERLENGTH is 402, which is no multiple of 4":                         {header: header, length: 402, records: [][]byte{record0}},
		"SIGNERID at byte 10 has 87 bytes, but the header ends after 15 of them": {header: header, length: 28},
		"it does not begin with RECORDLENGTH, but with":                          {header: header, records: [][]byte{element(9, 1, 2, 3, 4, 5)}},
		"header: it has no SIGNERID":                                             {header: join(sha1RSA2048(), []byte("<sig>"), name)},
		"header: it has no SIGNATUREINFO":                                        {header: join(signerID(sast), []byte("<sig>"), name)},
		"SIGNERID at byte 392 stands there twice":                                {header: join(header, signerID(sast))},
		"SIGNATURE at byte 392 stands there twice":                               {header: join(header, element(12, make([]byte, 256)...))},
		"SERIALNUMBER at byte 10 stands in the wrong place":                      {header: join(element(5, 1), header)},
		"FILENAME at byte 13 stands in the wrong place":                          {header: inside(element(3, element(14, 0)...))},
		"SIGNERNAME does not end in one NUL":                                     {header: inside(element(3, element(4, 'C', 'N')...))},
		"CANAME does not end in one NUL":                                         {header: inside(element(3, element(6, 'C', 0, 'N', 0)...))},
		"CANAME at byte 13 has 9 bytes, but SIGNERID ends after 2 of them":       {header: inside(element(3, 6, 0, 9, 1, 1))},
		"CANAME at byte 13 is cut: SIGNERID ends at byte 15":                     {header: inside(element(3, 6, 0))},
		"DIGESTALGORITHM at byte 103 has 2 bytes instead of 1":                   {header: join(signerID(sast), element(7, element(8, 1, 1)...), []byte("<sig>"))},
		"TIMESTAMP at byte 392 has 3 bytes instead of 4":                         {header: join(header, element(15, 1, 2, 3))},
		"record 2 at byte 1953: the file ends after 4 bytes of it":               {header: header, records: [][]byte{record0, {1, 0, 2, 0}}},
		"record 1 at byte 392: RECORDLENGTH is 3":                                {header: header, records: [][]byte{{1, 0, 2, 0, 3, 4, 0, 2, 0, 0}}},
		"FUNCTION has 1 bytes instead of 2":                                      {header: header, records: [][]byte{record(element(4, 0))}},
		"it has no FUNCTION":                                                     {header: header, records: [][]byte{record(element(2, 'a', 0))}},
		"FUNCTION at byte 402 stands there twice":                                {header: header, records: [][]byte{record(element(4, 0, 0), element(4, 0, 4))}},
		"RECORDLENGTH at byte 397 stands there twice":                            {header: header, records: [][]byte{record(element(1, 0, 9), element(4, 0, 4))}},
		"ISSUERNAME does not end in one NUL":                                     {header: header, records: [][]byte{record(element(4, 0, 0), element(5))}},
		"CERTIFICATE at byte 402 has 500 bytes, but the record ends after 0":     {header: header, records: [][]byte{record(element(4, 0, 0), []byte{9, 1, 244})}},
	} {
		c.key = key(t, "sast.key")
		if l, err := Parse(c.bytes(t)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v, %+v", says, err, l)
		}
	}
	for says, file := range map[string]string{"no trust list": "SEP001122334455.cnf.xml.sgn", "it begins with": "SEP001122334455.cnf.xml"} {
		if _, err := Parse(read(t, file)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := ParseFile(read(t, "ITLFile.tlv")); err == nil || !strings.Contains(err.Error(), "a trust list, and no signed file") {
		t.Error(err)
	}
	if _, err := Parse(make([]byte, MaxFile+1)); err == nil || !strings.Contains(err.Error(), "more than the 2097152 that a phone takes") {
		t.Error(err)
	}
}

// TestWrongSigner has lists that are well formed, but whose signature means nothing.
func TestWrongSigner(t *testing.T) {
	sast := certificate(t, "sast.crt")
	header := join(signerID(sast), sha1RSA2048(), []byte("<sig>"), element(14, nul("ITLFile.tlv")...))
	other := certificate(t, "tvs.crt")
	impostor := record(element(4, 0, 0), element(5, semicolons("CN=SAST,OU=SAST,O=Example GmbH")...), element(6, sast.SerialNumber.Bytes()...), element(9, other.Raw...))
	wrongKey := record(element(4, 0, 0), element(5, semicolons("CN=SAST,OU=SAST,O=Example GmbH")...), element(6, sast.SerialNumber.Bytes()...),
		element(7, x509.MarshalPKCS1PublicKey(other.PublicKey.(*rsa.PublicKey))...), element(9, sast.Raw...))
	for says, c := range map[string]cucm{
		"has the role capf in it, and only a SAST may sign": {header: header, records: [][]byte{sastRecord(sast, 4)}, key: key(t, "sast.key")},
		"is no record of it": {header: header, key: key(t, "sast.key")},
		"is not by the key of \"CN=SAST;OU=SAST;O=Example GmbH\", or the file was changed": {header: header, records: [][]byte{sastRecord(sast, 0)}, key: key(t, "ccm.key")},
		"two SAST records of the list fit its signer":                                      {header: header, records: [][]byte{sastRecord(sast, 0), impostor}, key: key(t, "sast.key")},
		"another public key than its certificate":                                          {header: header, records: [][]byte{wrongKey}, key: key(t, "sast.key")},
		"its header says that the signer has a key of 1024 bits, but that has 2048": {key: key(t, "sast.key"), records: [][]byte{sastRecord(sast, 0)},
			header: join(signerID(sast), element(7, join(element(8, 1), element(9, join(element(10, 0), element(11, 1))...))...), []byte("<sig>"))},
		"its digest algorithm 9 is unknown": {key: key(t, "sast.key"), records: [][]byte{sastRecord(sast, 0)},
			header: join(signerID(sast), element(7, join(element(8, 9), element(9, join(element(10, 0), element(11, 2))...))...), []byte("<sig>"))},
	} {
		l, err := Parse(c.bytes(t))
		if err != nil {
			t.Errorf("%s: %v", says, err)
			continue
		}
		if v := Judge(nil, l); v.Outcome != Refused || !strings.Contains(v.Reason, says) {
			t.Errorf("want %q, got %+v", says, v)
		}
	}
}

// TestNotSigned refuses what phones would not take.
func TestNotSigned(t *testing.T) {
	sast, ccm := certificate(t, "sast.crt"), certificate(t, "ccm.crt")
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large := *sast
	large.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 4095), E: 65537}
	zero := NewRecord(sast, RoleCCM)
	zero.Unknown = []Element{{200, make([]byte, 65535-len(mustAppend(t, zero))-3+1)}}
	for says, c := range map[string]struct {
		records []Record
		digest  Digest
		key     crypto.Signer
	}{
		"no SAST record of the list has the certificate of the key":                                           {[]Record{NewRecord(sast, RoleCCM), NewRecord(ccm, RoleSAST)}, SHA1, key(t, "sast.key")},
		"the list has 3 SAST records, and phones take 2":                                                      {[]Record{NewRecord(sast, RoleSAST), NewRecord(ccm, RoleSAST), NewRecord(ccm, RoleSAST)}, SHA1, key(t, "sast.key")},
		"RSA keys only, and this is an EC key":                                                                {[]Record{NewRecord(sast, RoleSAST)}, SHA1, curve},
		"sha256 is no digest that phones know":                                                                {[]Record{NewRecord(sast, RoleSAST)}, reserved, key(t, "sast.key")},
		"is no digest that phones know":                                                                       {[]Record{NewRecord(sast, RoleSAST)}, 0, key(t, "sast.key")},
		"its record would have 65536 bytes":                                                                   {[]Record{NewRecord(sast, RoleSAST), zero}, SHA1, key(t, "sast.key")},
		`"CN=tftp.example.com,O=Example\\, GmbH" with the role sast: phones take signatures by RSA keys only`: {[]Record{NewRecord(sast, RoleSAST), NewRecord(certificate(t, "tftp-ec.crt"), RoleSAST)}, SHA1, key(t, "sast.key")},
	} {
		l := &List{Header{Digest: c.digest, FileName: "ITLFile.tlv", Time: time.Unix(1, 0)}, c.records}
		if b, err := l.Sign(c.key); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v, %d bytes", says, err, len(b))
		}
	}
	for bits, says := range map[int]string{
		512: "too short to sign with", 1000: "has no code for an RSA key of 1000 bits", 1024: "", 1536: "has no code", 2048: "",
		3072: "up to 2048 bits, and this one has 3072", 4096: "up to 2048 bits, and this one has 4096",
	} {
		err := CheckSigner(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), uint(bits-1)), E: 65537})
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	if err := Fit(&large, RoleCAPF); err == nil || !strings.Contains(err.Error(), "up to 2048 bits, and that of this certificate has 4096") {
		t.Error(err)
	}
	negative := *sast
	negative.SerialNumber = big.NewInt(-5)
	if err := Fit(&negative, RoleCCM); err == nil || !strings.Contains(err.Error(), "its serial number is -5") {
		t.Error(err)
	}
	edwards := *sast
	edwards.PublicKey = ed25519.PublicKey(make([]byte, 32))
	if err := Fit(&edwards, RoleTVS); err == nil || !strings.Contains(err.Error(), "this is an Ed25519 key") {
		t.Error(err)
	}
	if err := Fit(certificate(t, "tftp-ec.crt"), RoleTFTP); err != nil {
		t.Error(err)
	}
	if _, err := Encrypt("x", nil, certificate(t, "tftp-ec.crt"), Signer{ccm, key(t, "ccm.key"), SHA1}, time.Unix(1, 0)); err == nil || !strings.Contains(err.Error(), "the phone has an EC key") {
		t.Error(err)
	}
	if _, err := SignFile("x", nil, Signer{ccm, key(t, "sast.key"), SHA1}, time.Unix(1, 0)); err == nil || !strings.Contains(err.Error(), "the key is not that of the certificate") {
		t.Error(err)
	}
	if _, err := SignFile("x", make([]byte, MaxFile), Signer{ccm, key(t, "ccm.key"), SHA1}, time.Unix(1, 0)); err == nil || !strings.Contains(err.Error(), "more than the 2097152 that a phone takes") {
		t.Error(err)
	}
}

func mustAppend(t testing.TB, r Record) []byte {
	t.Helper()
	b, err := r.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLongestRecord reads a record as long as its length can say.
func TestLongestRecord(t *testing.T) {
	sast := certificate(t, "sast.crt")
	longest := NewRecord(sast, RoleAppServer)
	longest.Unknown = []Element{{200, make([]byte, 65535-len(mustAppend(t, longest))-3)}}
	l := &List{Header{Digest: SHA512, SignerVersion: SignerVersion11, FileName: "ITLFile.tlv", Time: time.Unix(1, 0)}, []Record{NewRecord(sast, RoleSAST), longest}}
	b, err := l.Sign(key(t, "sast.key"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if err != nil || again.Verify() != nil || len(again.Records[1].Unknown[0].Value) != len(longest.Unknown[0].Value) {
		t.Error(err, again)
	}
}
