package trustlist

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestMalformedEncryption changes what the header of an encrypted file says about it, and
// signs that.
func TestMalformedEncryption(t *testing.T) {
	signer := Signer{certificate(t, "ccm.crt"), key(t, "ccm.key"), SHA1}
	f, err := ParseFile(read(t, "SEP001122334455.cnf.xml.enc.sgn"))
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(h *Header){
		"PLAINPADDING is 0 instead of 1 to 16":            func(h *Header) { h.Encryption.Padding = 0 },
		"PLAINPADDING is 17 instead of 1 to 16":           func(h *Header) { h.Encryption.Padding = 17 },
		"KEYALGORITHM 2 is unknown":                       func(h *Header) { h.Encryption.KeyAlgorithm = 2 },
		"KEYBITS is 1024, but KEY has 256 bytes":          func(h *Header) { h.Encryption.KeyBits = 1024 },
		"KEYBITS is 2048, but KEY has 255 bytes":          func(h *Header) { h.Encryption.Key = h.Encryption.Key[1:] },
		"PLAINDIGESTALGORITHM 9 is unknown":               func(h *Header) { h.Encryption.Digest = 9 },
		"PLAINDIGEST has 20 bytes instead of 64":          func(h *Header) { h.Encryption.Digest = SHA512 },
		"has 15 bytes instead of 16":                      func(h *Header) { h.Encryption.IV = h.Encryption.IV[1:] },
		"it has ENCRYPTIONINFO, but its version is 1.0":   func(h *Header) { h.Version = versionSigned },
		"header: it has no ENCRYPTIONINFO":                func(h *Header) { h.Encryption = nil },
		"its layout has version 2.1, and 1.0 and 2.0":     func(h *Header) { h.Version = 0x0201 },
		"its layout has version 3.0, and 1.0 and 2.0":     func(h *Header) { h.Version = 0x0300 },
		"IV at byte 10 stands in the wrong place":         func(h *Header) {},
		"element 18 at byte 10 stands in the wrong place": func(h *Header) {},
	} {
		h := f.Header
		if h.Encryption != nil {
			copied := *f.Encryption
			h.Encryption = &copied
		}
		change(&h)
		b, err := h.sign(signer, f.Body)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(says, "IV at"):
			b = join(b[:10], element(19, make([]byte, 16)...), b[10:])
		case strings.HasPrefix(says, "element 18"):
			b = join(b[:10], element(18, 0), b[10:])
		}
		if _, err := ParseFile(b); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// TestDecrypt has keys and bodies with which nothing can be decrypted, and a text that is
// as long as whole blocks.
func TestDecrypt(t *testing.T) {
	signer := Signer{certificate(t, "ccm.crt"), key(t, "ccm.key"), SHA512}
	phone := certificate(t, "phone.crt")
	for _, length := range []int{0, 1, 15, 16, 17, 32} {
		plain := bytes.Repeat([]byte{'x'}, length)
		b, err := Encrypt("SEP001122334455.cnf.xml.enc.sgn", plain, phone, signer, time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		f, err := ParseFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if f.Encryption.Padding != 16-length%16 {
			t.Errorf("%d bytes have %d bytes of padding", length, f.Encryption.Padding)
		}
		if got, err := f.Decrypt(key(t, "phone.key")); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %q, %v", length, got, err)
		}
		if _, err := f.Decrypt(key(t, "sast.key")); !errors.Is(err, ErrOtherKey) {
			t.Errorf("with another key: %v", err)
		}
		f.Body = f.Body[:len(f.Body)-1]
		if _, err := f.Decrypt(key(t, "phone.key")); err == nil || !strings.Contains(err.Error(), "are no whole blocks") {
			t.Errorf("cut: %v", err)
		}
	}
	plain, err := ParseFile(read(t, "SEP001122334455.cnf.xml.sgn"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Decrypt(key(t, "phone.key")); err == nil || err.Error() != "it is not encrypted" {
		t.Error(err)
	}
}
