package devices_test

import (
	"errors"
	"strings"
	"testing"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/internal/apperr"
)

// spellings are texts, and the names that they mean: "" is none.
func spellings() map[string]string {
	known := map[string]string{
		"CSFalice": "CSFalice", "csfalice": "csfalice", "TCTBOB": "TCTBOB", "BOTcarol": "BOTcarol", "TABdave": "TABdave",
		"ATA001122334455": "ATA001122334455", "a": "a", "9-lab.x": "9-lab.x", strings.Repeat("x", 128): strings.Repeat("x", 128),
		"SEPARATE": "SEPARATE", "SEP1234567": "SEP1234567", "SEP-lab": "SEP-lab", "SEP": "SEP",
		// Numbers are names, unless they are MAC addresses.
		"1234567": "1234567", "12345678": "12345678", "12345678901": "12345678901", "1234567890123": "1234567890123",
		// Not grouped as a MAC address is.
		"001-122-334-455": "001-122-334-455", "00-1122-334455": "00-1122-334455", "0011.2233-4455": "0011.2233-4455", "0011.2233.4455.6677": "0011.2233.4455.6677",
		"0-0-1-1-2-2-3-3-4-4-5-5": "0-0-1-1-2-2-3-3-4-4-5-5", "0011.2233.445g": "0011.2233.445g",
		// Somebody has lost a digit, doubled one, or typed a letter for one.
		"SEP12345678": "", "SEP00112233445": "", "SEP0011223344556": "", "SEP00112233445G": "", "SEPOO1122334455": "",
		"SEP0011.2233.445": "", "SEP0011.22": "", "SEP-0011-22": "", "SEP00:11:22:33:44:5": "", "sep-0011-2233-44556": "", "00:11:22:33:44": "", "00:11:22:33:44:55:66": "",
		"": "", " ": "", "a b": "", "a\n": "", "ä": "", "a/b": "", "a\x00": "", "00/11/22/33/44/55": "", strings.Repeat("x", 129): "",
	}
	for _, mac := range []string{
		"00a1b2c3d4e5", "00:a1:b2:c3:d4:e5", "00-a1-b2-c3-d4-e5", "00.a1.b2.c3.d4.e5", "00 a1 b2 c3 d4 e5",
		"00a1.b2c3.d4e5", "00a1-b2c3-d4e5", "00a1:b2c3:d4e5", "00a1b2-c3d4e5", "00a1b2:c3d4e5",
	} {
		for _, before := range []string{"", "SEP", "sep", "Sep", "SEP-", "sep:", "SEP ", "SEP_", "SEP."} {
			known[before+mac] = "SEP00A1B2C3D4E5"
			known[before+strings.ToUpper(mac)] = "SEP00A1B2C3D4E5"
		}
	}
	return known
}

// TestSpellings: every usual notation of a MAC address is the hardware phone.
func TestSpellings(t *testing.T) {
	t.Parallel()
	for text, want := range spellings() {
		got, err := devices.ParseDeviceName(text)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, apperr.ErrValue) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if want != "" && devices.Spelled(text) != want {
			t.Errorf("%q is spelled %q", text, devices.Spelled(text))
		}
		if again := devices.Spelled(want); again != want {
			t.Errorf("%q is spelled %q", want, again)
		}
	}
}

// TestSpelledPatterns are filters, and how they are understood.
func TestSpelledPatterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"0011.2233.*": "SEP00112233*", "00:11:22:*": "SEP001122*", "00-11-2?-*": "SEP00112?*", "0011.2233.44*": "SEP0011223344*",
		"SEP0011.22*": "SEP001122*", "sep0011*": "SEP0011*", "sep-00-11*": "SEP0011*", "SEP*": "SEP*", "sep*.4455": "SEP*4455",
		"*.2233.4455": "*22334455", "*:44:55": "*4455", "*4455": "*4455", "*2233.44*": "*223344*", "??11.2233.*": "SEP??112233*",
		"001122*": "SEP001122*", "00112233445?": "SEP00112233445?",
		// Not for sure a part of a MAC address.
		"*": "*", "?": "?", "be*": "be*", "00112*": "00112*", "1000-2*": "SEP10002*", "lab-*": "lab-*", "SEPARATE*": "SEPARATE*", "SEPADE*": "SEPADE*",
		"0011223344556*": "0011223344556*", "9-*": "9-*", "CSF*": "CSF*", "0011.22-33*": "0011.22-33*", "001-122-*": "001-122-*",
	} {
		if got := devices.SpelledPattern(pattern); got != want {
			t.Errorf("%q is understood as %q, not %q", pattern, got, want)
		}
	}
}

// TestExistingNames: what has exactly the name that was typed comes before what it means.
func TestExistingNames(t *testing.T) {
	t.Parallel()
	h := devicestest.New(t)
	s := h.Rules.Store
	means := func(text, want string) {
		t.Helper()
		if got := devices.FullPattern(t.Context(), s.Reader, text); got != want {
			t.Errorf("%q means %q, not %q", text, got, want)
		}
	}
	phone := h.Add("0011.2233.4455", devices.Edit{})
	if phone.Name != "SEP001122334455" {
		t.Errorf("added as %q", phone.Name)
	}
	means("0011.2233.4455", phone.Name)
	means("0011.2233.*", "SEP00112233*")
	means("sep001122334455", "sep001122334455")
	means("", "")

	old, err := devices.New("x") // an earlier capf let such names in
	devicestest.Must(t, err)
	old.Name = "0011.2233.4455"
	_, err = s.AddDevice(t.Context(), devicestest.Operator, old)
	devicestest.Must(t, err)
	means("0011.2233.4455", "0011.2233.4455")
	means("0011.2233.*", "0011.2233.*")
	means("00:11:22:33:44:55", phone.Name)
	means("00:11:22:*", "SEP001122*")
	h.InstallLSC(old.Name, "CN=CA", devicestest.Start, 30)
	devicestest.Must(t, devices.Delete(t.Context(), s, devicestest.Operator, old.Name))
	means("0011.2233.4455", "0011.2233.4455") // what it has left is still found
}

// TestDoubtfulNames are names that a device may have, although none may ever come.
func TestDoubtfulNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"SEP001122334455": "", "CSFalice": "", "1234567": "", "SEPTEMBER": "after SEP come the twelve", "SEP1": "after SEP come the twelve",
		"12345678": "taken zeros", "12345678901": "taken zeros", "0011.2233.445": "not a MAC address", "00-11-22-33-44-5": "not a MAC address", "030-1234567-8": "not a MAC address", "be.ef": "", "ATA001122334455": "",
	} {
		if got := devices.Doubt(name); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q", name, got)
		}
	}
}
