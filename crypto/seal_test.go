package crypto_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/crypto"
)

func newSealer(t testing.TB) *crypto.Sealer {
	t.Helper()
	s, err := crypto.CreateMasterKey(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func seal(t testing.TB, s *crypto.Sealer, label string, plaintext []byte) []byte {
	t.Helper()
	sealed, err := s.Seal(label, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealer(t *testing.T) {
	t.Parallel()
	s, other := newSealer(t), newSealer(t)
	for _, plaintext := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("secret"), 1000)} {
		sealed := seal(t, s, "CAPF key", plaintext)
		if len(plaintext) > 1 && bytes.Contains(sealed, plaintext[:6]) {
			t.Error("the secret shows")
		}
		if bytes.Equal(sealed, seal(t, s, "CAPF key", plaintext)) {
			t.Error("sealed twice to the same bytes")
		}
		got, err := s.Open("CAPF key", sealed)
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("opened %q: %v", got, err)
		}
		wrong := "opening the sealed CAPF key: master key does not open the sealed secret"
		_, err = other.Open("CAPF key", sealed)
		wantError(t, err, wrong)
		if !errors.Is(err, crypto.ErrWrongKey) {
			t.Errorf("%v is not ErrWrongKey", err)
		}
		_, err = s.Open("password", sealed)
		wantError(t, err, "opening the sealed password: master key does not open the sealed secret")
		for at := range min(len(sealed), 60) {
			changed := slices.Clone(sealed)
			changed[at] ^= 1
			if at == 0 {
				_, err = s.Open("CAPF key", changed)
				wantError(t, err, "opening the sealed CAPF key: format 0 is not known")
				continue
			}
			_, err = s.Open("CAPF key", changed)
			wantError(t, err, wrong)
		}
	}
	_, err := s.Open("CAPF key", []byte{1, 2, 3})
	wantError(t, err, "opening the sealed CAPF key: 3 bytes are too few")
}

func FuzzOpenSealed(f *testing.F) {
	s := newSealer(f)
	f.Add(seal(f, s, "label", nil))
	f.Add(seal(f, s, "label", []byte("secret")))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		// The seeds are opened too: under another label nothing opens.
		if plaintext, err := s.Open("another label", sealed); err == nil {
			t.Errorf("opened %x as %x", sealed, plaintext)
		}
	})
}

// TestMAC holds the derived key and the encoding against openssl, since
// backups outlive the program that made them.
func TestMAC(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	line := "capf-master-key-1 " + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) + "\n"
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := crypto.LoadMasterKey(file)
	if err != nil {
		t.Fatal(err)
	}
	other := newSealer(t)
	mac := s.MAC("backup", []byte("message"))
	script := `key=$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:` + strings.Repeat("07", 32) +
		` -kdfopt 'info:capf authenticator 1' HKDF | tr -d ':\n')
printf 'backup\0message' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$key | sed 's/.*= //'`
	want, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(mac); got != strings.TrimSpace(string(want)) {
		t.Errorf("the authenticator is %s, openssl's %s", got, want)
	}
	for name, good := range map[string]bool{
		"the same":        s.VerifyMAC("backup", []byte("message"), mac),
		"another label":   !s.VerifyMAC("backups", []byte("message"), mac),
		"another message": !s.VerifyMAC("backup", []byte("messages"), mac),
		"another key":     !other.VerifyMAC("backup", []byte("message"), mac),
		"cut":             !s.VerifyMAC("backup", []byte("message"), mac[:16]),
		"none":            !s.VerifyMAC("backup", []byte("message"), nil),
	} {
		if !good {
			t.Error(name)
		}
	}
}
