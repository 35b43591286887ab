package devices_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/internal/apperr"
	"capf/store"
)

// TestNewDeviceNames: no new device is called like an option or a folder; those
// that an earlier capf has let in are understood.
func TestNewDeviceNames(t *testing.T) {
	r := devicestest.New(t).Rules
	for _, name := range []string{"-rf", "--config", "..", ".", ".ssh", "_", "-"} {
		if got, err := devices.ParseDeviceName(name); err != nil || got != name {
			t.Errorf("%q is understood as %q, %v", name, got, err)
		}
		_, _, err := r.Add(t.Context(), devicestest.Operator, name, devices.Edit{})
		if !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), "begins with a letter or a digit") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := r.Add(t.Context(), devicestest.Operator, "9-lab.x", devices.Edit{}); err != nil {
		t.Error(err)
	}
}

// TestDeviceRules are edits that are refused, with the words for the operator.
func TestDeviceRules(t *testing.T) {
	r := devicestest.New(t).Rules
	install, byString, encrypted := store.Install, store.ByString, store.Encrypted
	for _, test := range []struct {
		name    string
		device  string
		edit    devices.Edit
		kind    error
		problem string
	}{
		{"string without one", "a", devices.Edit{Operation: &install, AuthMode: &byString}, apperr.ErrRefused,
			`device "a" authenticates by a string but has none`},
		{"string on a secure phone", "a", devices.Edit{Operation: &install, AuthMode: &byString, String: devicestest.Ptr("1234"), SecurityMode: &encrypted}, apperr.ErrRefused,
			`device "a" is encrypted and has no installed LSC: it cannot register, so no user can start the enrolment with a string`},
		{"short string", "a", devices.Edit{String: devicestest.Ptr("123")}, apperr.ErrValue, "an authentication string has 4 to 10 digits"},
		{"long string", "a", devices.Edit{String: devicestest.Ptr("12345678901")}, apperr.ErrValue, "an authentication string has 4 to 10 digits"},
		{"no digits", "a", devices.Edit{String: devicestest.Ptr("secret")}, apperr.ErrValue, "an authentication string has 4 to 10 digits"},
		{"odd RSA", "a", devices.Edit{RSABits: devicestest.Ptr(2000)}, apperr.ErrValue, "an RSA key has 512, 1024, 2048, 3072 or 4096 bits, not 2000"},
		{"odd EC", "a", devices.Edit{ECBits: devicestest.Ptr(224)}, apperr.ErrValue, "an EC key has 256, 384 or 521 bits, not 224"},
		{"past", "a", devices.Edit{Operation: &install, CompletesBy: devicestest.Ptr(devices.At(time.Unix(1e9, 0)))}, apperr.ErrValue,
			"the time 2001-09-09T01:46:40Z, by which the operation has to be completed, has passed"},
		{"time for nothing", "a", devices.Edit{CompletesBy: devicestest.Ptr(devices.At(devicestest.Start.Add(time.Hour)))}, apperr.ErrRefused,
			`device "a" has no operation that could be completed by a time`},
		{"time for none", "a", devices.Edit{Operation: devicestest.Ptr(store.NoOperation), CompletesBy: devicestest.Ptr(devices.At(devicestest.Start.Add(time.Hour)))}, apperr.ErrRefused,
			`device "a" has no operation that could be completed by a time`},
		{"control character", "a", devices.Edit{Description: devicestest.Ptr("a\x1bb")}, apperr.ErrValue,
			"the description has at most 128 characters and no control characters"},
		{"no UTF-8", "a", devices.Edit{Pool: devicestest.Ptr("B\xfcro")}, apperr.ErrValue, "the pool is not UTF-8"},
		{"name too long for a certificate", strings.Repeat("n", 65), devices.Edit{}, apperr.ErrValue,
			`"` + strings.Repeat("n", 65) + `" has 65 characters; the name of a new device has at most 64, which is what a certificate holds (RFC 5280, ub-common-name)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := r.Add(t.Context(), devicestest.Operator, test.device, test.edit)
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
	r := devicestest.New(t).Rules
	if _, _, err := r.Add(t.Context(), devicestest.Operator, "phone", devices.Edit{}); err != nil {
		t.Fatal(err)
	}
	_, s, err := r.GenerateString(t.Context(), devicestest.Operator, "PHONE")
	if err != nil || !regexp.MustCompile(`^[0-9]{10}$`).MatchString(s) {
		t.Fatalf("generated %q: %v", s, err)
	}
	d, err := r.Store.Device(t.Context(), "phone")
	if err != nil || strings.Contains(string(d.SealedString), s) {
		t.Errorf("the string rests in the open: %v", err)
	}
	if got, err := r.AuthenticationString(d); err != nil || got != s {
		t.Errorf("opened %q: %v", got, err)
	}
	for e, err := range r.Store.Events(t.Context(), store.EventFilter{}) {
		if err != nil || strings.Contains(e.Detail, s) {
			t.Errorf("an event holds the string: %v", err)
		}
	}
}

// TestRepeatedSpan: a span that is given again is that of the operation as it was scheduled,
// and a moment moves it.
func TestRepeatedSpan(t *testing.T) {
	t.Parallel()
	h := devicestest.New(t)
	install := store.Install
	span, err := devices.ParseDeadline("+10d", h.Rules.Now())
	devicestest.Must(t, err)
	edit := devices.Edit{Operation: &install, CompletesBy: &span}
	d := h.Add("SEP001122334455", edit)
	h.Clock.Move(time.Hour)
	if left, err := h.Rules.Difference(d, edit); err != nil || left != (devices.Edit{}) {
		t.Errorf("%+v, %v", left, err)
	}
	moment := devices.At(h.Rules.Now().AddDate(0, 0, 20))
	for _, other := range []devices.Edit{{Operation: &install, CompletesBy: &moment}, {CompletesBy: &span}} {
		if left, err := h.Rules.Difference(d, other); err != nil || left.CompletesBy == nil || left.Operation != nil {
			t.Errorf("%+v: %+v, %v", other, left, err)
		}
	}
	h.Clock.Move(10 * 24 * time.Hour) // it is late
	if left, err := h.Rules.Difference(d, edit); err != nil || left.Operation == nil || left.CompletesBy == nil || !left.Overdue(d) {
		t.Errorf("late: %+v, %v", left, err)
	}
}

// TestRepeated: an edit that is repeated schedules nothing again, unless the phone is
// late.
func TestRepeated(t *testing.T) {
	t.Parallel()
	h := devicestest.New(t)
	install := store.Install
	d := h.Add("SEP001122334455", devices.Edit{Operation: &install})
	for _, late := range []bool{false, true} {
		if late {
			h.Clock.Move(d.CompletesBy.Sub(devicestest.Start) + time.Second)
		}
		left, err := h.Rules.Difference(d, devices.Edit{Operation: &install})
		if err != nil || (left.Operation != nil) != late || left.Overdue(d) != late {
			t.Errorf("late %v: %+v, %v", late, left, err)
		}
	}
}
