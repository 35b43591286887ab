package crypto_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
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
