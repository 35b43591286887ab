package backup

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

var operator = store.Actor{Kind: store.Operator, Name: "test"}

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestDifferences compares databases with each other, and one with none.
func TestDifferences(t *testing.T) {
	t.Parallel()
	was, is := open(t), open(t)
	for _, set := range []struct {
		s           *store.Store
		name, value string
	}{{was, "keep_alive", "20"}, {is, "keep_alive", "30"}, {is, "certificate_issuer", "offline-ca"}} {
		if _, err := settings.Set(t.Context(), set.s, operator, set.name, set.value); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		old, next *store.Reader
		want      string
	}{
		{was.Reader, is.Reader, "parameter certificate_issuer: capf becomes offline-ca, parameter keep_alive: 20 becomes 30"},
		{nil, is.Reader, "parameter certificate_issuer: capf becomes offline-ca, parameter keep_alive: 15 becomes 30"},
		{is.Reader, is.Reader, ""},
	} {
		all, err := Differences(t.Context(), test.old, test.next)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range all {
			got = append(got, d.String())
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("got %s, want %s", text, test.want)
		}
	}
}

// TestVerify takes a backup as it was signed, and no other.
func TestVerify(t *testing.T) {
	t.Parallel()
	sealer, err := crypto.CreateMasterKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	digest := []byte("what is in it")
	mac := Sign(sealer)(digest)
	for name, test := range map[string]struct {
		seal store.Seal
		want string
	}{
		"as written":  {store.Seal{Digest: digest, MAC: mac}, ""},
		"changed":     {store.Seal{Digest: []byte("something else"), MAC: mac}, "has been changed"},
		"unsigned":    {store.Seal{Digest: digest}, "carries no authenticator"},
		"empty again": {store.Seal{Digest: digest, MAC: []byte{}}, "has been changed"},
	} {
		err := Verify(sealer, test.seal)
		if (err != nil) != (test.want != "") || err != nil && (!errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
