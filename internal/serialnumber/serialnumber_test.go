package serialnumber

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"4a1": "04a1", "04:A1": "04a1", "00 00 04 a1": "04a1", "0x4A1": "04a1", "0X04a1": "04a1", " 4A:10 ": "4a10",
		"0": "00", "00:00": "00", "0x0": "00", "": "", "x": "0x", "-7": "-07", "-07": "-07", "-0x107": "-0107", "not a number": "notanumber",
	} {
		if got := Plain(typed); got != want {
			t.Errorf("%q becomes %q, want %q", typed, got, want)
		}
	}
}

// TestText compares with what openssl prints, which is what operators paste.
func TestText(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is not installed")
	}
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"1", "7f", "80", "123", "4a1f", "abcdef0123456789abcdef012345678", "ffffffffffffffffffffffffffffffff"} {
		n, _ := new(big.Int).SetString(number, 16)
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: n, NotAfter: time.Now().Add(time.Hour)},
			&x509.Certificate{}, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(openssl, "x509", "-noout", "-serial")
		c.Stdin = strings.NewReader(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		theirs := strings.TrimPrefix(strings.TrimSpace(string(out)), "serial=")
		if got := Text(n); got != strings.ToLower(theirs) || Plain(theirs) != got || Plain(number) != got {
			t.Errorf("%s is %q here, and %q for openssl", number, got, theirs)
		}
	}
	if got := Text(big.NewInt(-15)); got != "-0f" {
		t.Errorf("-15 is %q", got)
	}
}
