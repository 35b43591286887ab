package certfile_test

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"slices"
	"testing"

	"capf/crypto/certfile"
)

// message is a PKCS#7 without a signer (RFC 2315, section 9.1).
func message(t *testing.T, certs ...[]byte) []byte {
	t.Helper()
	type content struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"optional"`
	}
	der := must[[]byte](t)
	signed := der(asn1.Marshal(struct {
		Version    int
		Algorithms asn1.RawValue
		Data       content
		Certs      asn1.RawValue
		Signers    asn1.RawValue
	}{
		1, asn1.RawValue{FullBytes: []byte{0x31, 0}}, content{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}},
		asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: bytes.Join(certs, nil)}, asn1.RawValue{FullBytes: []byte{0x31, 0}},
	}))
	return der(asn1.Marshal(content{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: signed}}))
}

// TestUnreadable: what has the form of a certificate and cannot be read is handed
// out, since a CA may have issued it.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	cert, _ := certify(t, "A")
	odd := bytes.Replace(cert.Raw, []byte{0xa0, 3, 2, 1, 2}, []byte{0xa0, 3, 2, 1, 9}, 1) // version 10
	const why = "x509: invalid version"
	other := []byte{0x30, 0} // no certificate by its form
	value := []byte{0x30, 11, 4, 2, 5, 0, 0x30, 3, 6, 1, 0x2a, 3, 0}
	for _, test := range []struct {
		name, want string
		data       []byte
		certs      [][]byte
	}{
		{"in DER", "a certificate that cannot be read: reading a certificate: " + why, odd, [][]byte{odd}},
		{"in PKCS#7", "a certificate that cannot be read: it is a PKCS#7 with a damaged certificate (" + why + ")", message(t, odd), [][]byte{odd}},
		{"among others", "a certificate that cannot be read: it is a PKCS#7 with a damaged certificate (" + why + ")",
			message(t, odd, other, value, cert.Raw), [][]byte{odd, cert.Raw}},
		{"before something that is cut off", "a certificate that cannot be read: it is a PKCS#7 with a damaged certificate (" + why + ")",
			message(t, odd, []byte{0x30, 3}), [][]byte{odd}},
		{"no certificate by its form", "it is a PKCS#7 with a damaged certificate (x509: malformed tbs certificate)", message(t, other), nil},
		{"101", "a certificate that cannot be read: it is a PKCS#7 with a damaged certificate (" + why + ")",
			message(t, bytes.Repeat(odd, 101)), slices.Repeat([][]byte{odd}, 100)},
	} {
		_, err := certfile.Parse(test.data)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
		var got [][]byte
		if e := new(certfile.UnreadableError); errors.As(err, &e) {
			got = e.Certificates
			if errors.Unwrap(e) == nil {
				t.Errorf("%s: the reason is lost", test.name)
			}
		}
		if !slices.EqualFunc(got, test.certs, bytes.Equal) {
			t.Errorf("%s: %d certificates, want %d", test.name, len(got), len(test.certs))
		}
	}
}
