package server_test

import (
	"testing"

	"capf/enroll/phone"
	"capf/store"
)

// TestPolicy: what a site closes is closed for what was scheduled before, too.
func TestPolicy(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add("null", store.Install)
	h.addStrings("six")
	h.set("allow_null_string", "false")
	_, err := h.phone("null")
	h.declined("null", "Upgrade Failed: Invalid Credentials", err)
	h.set("allow_null_string", "true")
	if _, err := h.phone("null"); err != nil {
		t.Error(err)
	}
	h.set("auth_string_digits", "7")
	if h.guess("six", "123456") {
		t.Error("a string that is too short is taken")
	}
	if d := h.device("six"); d.WrongStrings != 0 {
		t.Errorf("a string that is too short was compared: %d", d.WrongStrings)
	}
	h.set("auth_string_digits", "6")
	if !h.guess("six", "123456") {
		t.Error("a string that is long enough is not taken")
	}
}

// TestSingleUse: a string is good for one operation, however often its phone has
// to begin it, and for no other.
func TestSingleUse(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.set("auth_string_single_use", "true")
	h.addStrings("once", "changed")
	for range 3 { // the phone loses its connection
		if !h.guess("once", "123456") {
			t.Fatal("the string is not taken again")
		}
	}
	if _, err := h.phone("once", func(c *phone.Config) { c.Password = []byte("123456") }); err != nil {
		t.Fatal(err)
	}
	if d := h.device("once"); d.SealedString != nil || d.StringUsed {
		t.Errorf("after the operation: %+v", d)
	}
	// An operator who schedules another operation needs another string.
	h.guess("changed", "123456")
	h.change("changed", mode(store.ByNullString))
	h.schedule("changed", store.Install)
	if d := h.device("changed"); d.SealedString != nil {
		t.Error("the used string is kept for another operation")
	}
	// Without the parameter a string stays.
	h.set("auth_string_single_use", "false")
	h.addStrings("ever")
	if _, err := h.phone("ever", func(c *phone.Config) { c.Password = []byte("123456") }); err != nil || h.device("ever").SealedString == nil {
		t.Error("the string has gone:", err)
	}
}
