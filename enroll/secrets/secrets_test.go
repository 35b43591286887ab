package secrets

import (
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
