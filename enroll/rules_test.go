package enroll_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/enroll"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

var operator = store.Actor{Kind: store.Operator, Name: "test"}

// newRules makes a database without a CAPF certificate.
func newRules(t *testing.T) *enroll.Rules {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, secrets.MasterKeyFile(path, func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	return &enroll.Rules{Store: s, Sealer: sealer, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}
}

func ptr[T any](v T) *T { return &v }

func TestDeviceNames(t *testing.T) {
	for name, want := range map[string]string{
		"SEP001122334455": "SEP001122334455", "sepaabbccddeeff": "SEPAABBCCDDEEFF", "CSFalice": "CSFalice", "a": "a",
		"SEPARATE": "SEPARATE", strings.Repeat("x", 128): strings.Repeat("x", 128),
		"": "", "SEP00112233445": "", "SEP0011223344556": "", "SEP00112233445G": "", strings.Repeat("x", 129): "",
		"a b": "", "a\n": "", "ä": "", "a/b": "", "a\x00": "",
	} {
		got, err := devices.ParseDeviceName(name)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, apperr.ErrValue) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
