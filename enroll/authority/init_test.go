package authority_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/store"
)

// TestInit makes the CAPF certificate once, and opens nothing with another master key.
func TestInit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sealer, err := secrets.CreateSealer(t.Context(), s, secrets.MasterKeyFile(path, func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	capf := authority.CAPF{Store: s, Sealer: sealer, Now: time.Now, Rand: rand.Reader}
	if _, err := capf.Load(t.Context()); !errors.Is(err, secrets.ErrNotReady) {
		t.Errorf("before init: %v", err)
	}
	first, err := capf.Init(t.Context(), jane, crypto.Name{Organization: "Acme"}, 2048)
	if err != nil || !first.Created {
		t.Fatalf("init: %+v, %v", first, err)
	}
	again, err := capf.Init(t.Context(), jane, crypto.Name{Organization: "Other"}, 2048)
	if err != nil || again.Created || again.Fingerprint != first.Fingerprint {
		t.Errorf("a second init: %+v, %v", again, err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if _, err := crypto.CreateMasterKey(other); err != nil {
		t.Fatal(err)
	}
	_, err = secrets.OpenSealer(t.Context(), s.Reader, other)
	if !errors.Is(err, crypto.ErrWrongKey) || !strings.Contains(err.Error(), "does not belong to") {
		t.Errorf("with another key: %v", err)
	}
	_, err = secrets.OpenSealer(t.Context(), s.Reader, filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("without a key: %v", err)
	}
}
