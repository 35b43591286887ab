package secrets

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/store"
)

func newSealer(t *testing.T) *crypto.Sealer {
	t.Helper()
	sealer, err := crypto.CreateMasterKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// TestBoundString puts the authentication string of one device into the row of
// another.
func TestBoundString(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t)
	mine, err := SealString(sealer, "SEP000000000001", "1234567890")
	if err != nil {
		t.Fatal(err)
	}
	its, err := SealString(sealer, "SEP000000000002", "0987654321")
	if err != nil {
		t.Fatal(err)
	}
	d := store.Device{Name: "SEP000000000002", SealedString: its}
	if s, err := AuthenticationString(sealer, d); s != "0987654321" || err != nil {
		t.Errorf("its own string: %q, %v", s, err)
	}
	d.SealedString = mine
	if s, err := AuthenticationString(sealer, d); s != "" || !errors.Is(err, crypto.ErrWrongKey) || strings.Contains(err.Error(), "1234567890") {
		t.Errorf("the string of another device: %q, %v", s, err)
	}
}

// TestUnboundString opens what versions sealed that did not bind a string to its
// device.
func TestUnboundString(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t)
	d := store.Device{Name: "SEP000000000001"}
	var err error
	if d.SealedString, err = sealer.Seal("authentication string", []byte("1234567890")); err != nil {
		t.Fatal(err)
	}
	if s, err := AuthenticationString(sealer, d); s != "1234567890" || err != nil {
		t.Errorf("opened %q, %v", s, err)
	}
}

// TestMemberKey: the key of a certificate in trust lists opens for no other.
func TestMemberKey(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t)
	key, err := crypto.GenerateKey(rand.Reader, crypto.RSA(2048))
	if err != nil {
		t.Fatal(err)
	}
	m := store.ListMember{ID: 3, Fingerprint: "aa"}
	if m.SealedKey, err = SealMemberKey(sealer, m.Fingerprint, key); err != nil {
		t.Fatal(err)
	}
	if got, err := MemberKey(sealer, m); err != nil || !key.Public().(*rsa.PublicKey).Equal(got.Public()) {
		t.Errorf("%v, %v", got, err)
	}
	m.Fingerprint = "bb"
	if got, err := MemberKey(sealer, m); got != nil || !errors.Is(err, crypto.ErrWrongKey) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := MemberKey(sealer, store.ListMember{}); got != nil || err != nil {
		t.Errorf("without a key: %v, %v", got, err)
	}
}
