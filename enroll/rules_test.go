package enroll_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"capf/enroll"
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
		got, err := enroll.ParseDeviceName(name)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, apperr.ErrValue) {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

// TestNewDeviceNames: no new device is called like an option or a folder; those
// that an earlier capf has let in are understood.
func TestNewDeviceNames(t *testing.T) {
	r := newRules(t)
	for _, name := range []string{"-rf", "--config", "..", ".", ".ssh", "_", "-"} {
		if got, err := enroll.ParseDeviceName(name); err != nil || got != name {
			t.Errorf("%q is understood as %q, %v", name, got, err)
		}
		_, _, err := r.AddDevice(t.Context(), operator, name, enroll.DeviceEdit{})
		if !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), "begins with a letter or a digit") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := r.AddDevice(t.Context(), operator, "9-lab.x", enroll.DeviceEdit{}); err != nil {
		t.Error(err)
	}
}

// TestDeviceRules are edits that are refused, with the words for the operator.
func TestDeviceRules(t *testing.T) {
	r := newRules(t)
	install, byString, encrypted := store.Install, store.ByString, store.Encrypted
	for _, test := range []struct {
		name    string
		device  string
		edit    enroll.DeviceEdit
		kind    error
		problem string
	}{
		{"string without one", "a", enroll.DeviceEdit{Operation: &install, AuthMode: &byString}, apperr.ErrRefused,
			`device "a" authenticates by a string but has none`},
		{"string on a secure phone", "a", enroll.DeviceEdit{Operation: &install, AuthMode: &byString, String: ptr("1234"), SecurityMode: &encrypted}, apperr.ErrRefused,
			`device "a" is encrypted and has no installed LSC: it cannot register, so no user can start the enrolment with a string`},
		{"short string", "a", enroll.DeviceEdit{String: ptr("123")}, apperr.ErrValue, "an authentication string has 4 to 10 digits"},
		{"long string", "a", enroll.DeviceEdit{String: ptr("12345678901")}, apperr.ErrValue, "an authentication string has 4 to 10 digits"},
		{"no digits", "a", enroll.DeviceEdit{String: ptr("secret")}, apperr.ErrValue, "an authentication string has 4 to 10 digits"},
		{"odd RSA", "a", enroll.DeviceEdit{RSABits: ptr(2000)}, apperr.ErrValue, "an RSA key has 512, 1024, 2048, 3072 or 4096 bits, not 2000"},
		{"odd EC", "a", enroll.DeviceEdit{ECBits: ptr(224)}, apperr.ErrValue, "an EC key has 256, 384 or 521 bits, not 224"},
		{"past", "a", enroll.DeviceEdit{Operation: &install, CompletesBy: ptr(enroll.At(time.Unix(1e9, 0)))}, apperr.ErrValue,
			"the time 2001-09-09T01:46:40Z, by which the operation has to be completed, has passed"},
		{"time for nothing", "a", enroll.DeviceEdit{CompletesBy: ptr(enroll.At(time.Now().Add(time.Hour)))}, apperr.ErrRefused,
			`device "a" has no operation that could be completed by a time`},
		{"time for none", "a", enroll.DeviceEdit{Operation: ptr(store.NoOperation), CompletesBy: ptr(enroll.At(time.Now().Add(time.Hour)))}, apperr.ErrRefused,
			`device "a" has no operation that could be completed by a time`},
		{"control character", "a", enroll.DeviceEdit{Description: ptr("a\x1bb")}, apperr.ErrValue,
			"the description has at most 128 characters and no control characters"},
		{"no UTF-8", "a", enroll.DeviceEdit{Pool: ptr("B\xfcro")}, apperr.ErrValue, "the pool is not UTF-8"},
		{"name too long for a certificate", strings.Repeat("n", 65), enroll.DeviceEdit{}, apperr.ErrValue,
			`"` + strings.Repeat("n", 65) + `" has 65 characters; the name of a new device has at most 64, which is what a certificate holds (RFC 5280, ub-common-name)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := r.AddDevice(t.Context(), operator, test.device, test.edit)
			if !errors.Is(err, test.kind) || err.Error() != test.problem {
				t.Errorf("%v", err)
			}
			if _, err := r.Store.Device(t.Context(), test.device); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the device was added: %v", err)
			}
		})
	}
}

func TestGenerateString(t *testing.T) {
	r := newRules(t)
	if _, _, err := r.AddDevice(t.Context(), operator, "phone", enroll.DeviceEdit{}); err != nil {
		t.Fatal(err)
	}
	s, err := r.GenerateString(t.Context(), operator, "PHONE")
	if err != nil || !regexp.MustCompile(`^[0-9]{10}$`).MatchString(s) {
		t.Fatalf("generated %q: %v", s, err)
	}
	d, err := r.Store.Device(t.Context(), "phone")
	if err != nil || strings.Contains(string(d.SealedString), s) {
		t.Errorf("the string rests in the open: %v", err)
	}
	if got, err := secrets.AuthenticationString(r.Sealer, d); err != nil || got != s {
		t.Errorf("opened %q: %v", got, err)
	}
	for e, err := range r.Store.Events(t.Context(), store.EventFilter{}) {
		if err != nil || strings.Contains(e.Detail, s) {
			t.Errorf("an event holds the string: %v", err)
		}
	}
}
