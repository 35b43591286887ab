package certfile

import (
	"bytes"
	"errors"
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
	if _, _, err := definite(nested(maxDepth + 2)); !errors.Is(err, errBER) || !strings.Contains(err.Error(), "nested deeper") {
		t.Fatalf("beyond the limit: %v", err)
	}
	if _, _, err := definite(nested(1 << 18)); !errors.Is(err, errBER) {
		t.Errorf("far beyond: %v", err)
	}
}
