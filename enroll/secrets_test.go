package enroll_test

import (
	"errors"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll"
)

// TestBoundString puts the authentication string of one device into the row of
// another.
func TestBoundString(t *testing.T) {
	t.Parallel()
	r := newRules(t)
	mine, _, err := r.AddDevice(t.Context(), operator, "SEP000000000001", enroll.DeviceEdit{String: ptr("1234567890")})
	if err != nil {
		t.Fatal(err)
	}
	its, _, err := r.AddDevice(t.Context(), operator, "SEP000000000002", enroll.DeviceEdit{String: ptr("0987654321")})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := r.AuthenticationString(its); s != "0987654321" || err != nil {
		t.Errorf("its own string: %q, %v", s, err)
	}
	its.SealedString = mine.SealedString
	if s, err := r.AuthenticationString(its); s != "" || !errors.Is(err, crypto.ErrWrongKey) || strings.Contains(err.Error(), "1234567890") {
		t.Errorf("the string of another device: %q, %v", s, err)
	}
}

// TestUnboundString opens what versions sealed that did not bind a string to
// its device.
func TestUnboundString(t *testing.T) {
	t.Parallel()
	r := newRules(t)
	d, err := enroll.NewDevice("SEP000000000001")
	if err != nil {
		t.Fatal(err)
	}
	if d.SealedString, err = r.Sealer.Seal("authentication string", []byte("1234567890")); err != nil {
		t.Fatal(err)
	}
	if s, err := r.AuthenticationString(d); s != "1234567890" || err != nil {
		t.Errorf("opened %q, %v", s, err)
	}
}
