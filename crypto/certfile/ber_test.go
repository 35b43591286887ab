package certfile

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The reader's time must not grow with the square of the length.
func FuzzPKCS7(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("MIIB\n"))
	f.Add([]byte{0x30, 0x80, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x80, 0x30, 0x80, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x3f, 0x80, 0x80, 0x80, 0x80, 0x80})
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 100))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := Parse(body)
		if err == nil && (len(all) == 0 || len(all) > MaxCertificates) {
			t.Errorf("%d certificates", len(all))
		}
		for _, c := range all {
			if len(c.Raw) > len(body) {
				t.Error("more came out than went in")
			}
		}
		if der, _, err := definite(body); err == nil {
			again, _, err := definite(der)
			if err != nil || !bytes.Equal(der, again) {
				t.Errorf("%x becomes %x, then %x (%v)", body, der, again, err)
			}
		}
	})
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDefinite rewrites what X.690 allows in BER and not in DER.
func TestDefinite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, ber, der, rest string }{
		{"DER", "30 03 02 01 05", "30 03 02 01 05", ""},
		{"something follows", "05 00 aa bb", "05 00", "aa bb"},
		{"open", "30 80 02 01 05 00 00", "30 03 02 01 05", ""},
		{"open and empty", "30 80 00 00", "30 00", ""},
		{"open, something follows", "30 80 05 00 00 00 05 00", "30 02 05 00", "05 00"},
		{"open in open", "30 80 30 80 05 00 00 00 02 01 07 00 00", "30 07 30 02 05 00 02 01 07", ""},
		{"open in closed", "30 06 30 80 05 00 00 00", "30 04 30 02 05 00", ""},
		{"zeros in a value", "30 80 04 02 00 00 00 00", "30 04 04 02 00 00", ""},
		{"a value that begins with zero", "30 80 02 02 00 ff 00 00", "30 04 02 02 00 ff", ""},
		{"an element of tag 0 that is not the end", "30 80 00 01 aa 00 00", "30 03 00 01 aa", ""},
		{"zeros in what is closed", "30 02 00 00", "30 02 00 00", ""},
		{"an element that ends in a zero", "30 80 05 00 00 00", "30 02 05 00", ""},
		{"length of one byte too many", "30 81 03 02 01 05", "30 03 02 01 05", ""},
		{"length of four bytes", "04 84 00 00 00 01 aa", "04 01 aa", ""},
		{"length without a byte", "04 82 00 00", "04 00", ""},
		{"tag of two bytes", "1f 1f 01 aa", "1f 1f 01 aa", ""},
		{"tag with a zero in it", "1f 81 80 01 01 aa", "1f 81 80 01 01 aa", ""},
		{"tag of five bytes", "bf 81 81 81 01 02 05 00", "bf 81 81 81 01 02 05 00", ""},
	} {
		der, rest, err := definite(unhex(t, test.ber))
		if err != nil || !bytes.Equal(der, unhex(t, test.der)) || !bytes.Equal(rest, unhex(t, test.rest)) {
			t.Errorf("%s: %x and %x follows, %v; want %s and %q", test.name, der, rest, err, test.der, test.rest)
		}
	}
}

func TestNotBER(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, ber, want string }{
		{"nothing", "", "cut off"},
		{"a tag alone", "30", "cut off"},
		{"half a tag", "1f 81", "a tag without end"},
		{"a long tag alone", "1f 01", "a tag without end"},
		{"tag of six bytes", "1f 81 81 81 81 01 00", "a tag without end"},
		{"a value that is open", "04 80 00 00", "a value without a length"},
		{"a length of five bytes", "04 85 00 00 00 00 01 aa", "a length of 5 bytes"},
		{"half a length", "04 82 01", "a length of 2 bytes"},
		{"half a value", "04 02 aa", "longer than its bytes"},
		{"half a long value", "04 81 ff", "longer than its bytes"},
		{"as long as all", "04 81 03 aa", "longer than its bytes"},
		{"no end", "30 80 05 00", "the end is missing"},
		{"half an end", "30 80 05 00 00", "cut off"},
		{"no end within", "30 80 30 80 05 00 00 00", "the end is missing"},
		{"half a value within", "30 03 04 02 aa", "longer than its bytes"},
		{"a tag within", "30 01 04", "cut off"},
		{"half a value within what is open", "30 80 04 7f aa 00 00", "longer than its bytes"},
	} {
		_, _, err := definite(unhex(t, test.ber))
		if !errors.Is(err, errBER) || err.Error() != "not BER: "+test.want {
			t.Errorf("%s: the error is %v, want %q", test.name, err, test.want)
		}
	}
}

// TestLengths holds the lengths that are written against those of encoding/asn1.
func TestLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x123456} {
		content := bytes.Repeat([]byte{0xaa}, n)
		want, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagOctetString, Bytes: content})
		if err != nil {
			t.Fatal(err)
		}
		ber := append(unhex(t, fmt.Sprintf("04 84 %08x", n)), content...)
		if der, rest, err := definite(ber); err != nil || !bytes.Equal(der, want) || len(rest) > 0 {
			t.Errorf("%d bytes begin with %x, %v; want %x", n, der[:6], err, want[:6])
		}
	}
}

// TestLongestBER is of 8 MiB; one byte more is not looked at.
func TestLongestBER(t *testing.T) {
	t.Parallel()
	ber := append([]byte{0x04, 0x83, 0x7f, 0xff, 0xfb}, make([]byte, 0x7ffffb)...)
	if der, _, err := definite(ber); err != nil || !bytes.Equal(der, ber) {
		t.Errorf("%d bytes: %v", len(ber), err)
	}
	if _, _, err := definite(append(ber, 0)); err == nil || err.Error() != "not BER: 8388609 bytes" {
		t.Errorf("%d bytes: %v", len(ber)+1, err)
	}
}

func TestDeepAndWideBER(t *testing.T) {
	t.Parallel()
	for name, ber := range map[string][]byte{
		"deep and open": bytes.Repeat([]byte{0x30, 0x80}, 1<<19),
		"wide and open": append(append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x30, 0x80, 0, 0}, 1<<18)...), 0, 0),
		"wide":          append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0}, 1<<19)...),
	} {
		if _, err := Parse(ber); err == nil {
			t.Errorf("%s: taken for certificates", name)
		}
	}
}

// The depth is bounded by itself: this BER is whole, and one level less is read.
func TestDepthOfBER(t *testing.T) {
	t.Parallel()
	nested := func(depth int) []byte {
		return append(bytes.Repeat([]byte{0x30, 0x80}, depth), make([]byte, 2*depth)...)
	}
	if _, rest, err := definite(nested(maxDepth + 1)); err != nil || len(rest) != 0 {
		t.Errorf("at the limit: %v", err)
	}
	if _, _, err := definite(nested(maxDepth + 2)); !errors.Is(err, errBER) || err.Error() != "not BER: nested deeper than 40" {
		t.Fatalf("beyond the limit: %v", err)
	}
	if _, _, err := definite(nested(1 << 18)); !errors.Is(err, errBER) {
		t.Errorf("far beyond: %v", err)
	}
}
