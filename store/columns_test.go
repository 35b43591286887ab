package store

import "testing"

func TestPlainSerial(t *testing.T) {
	t.Parallel()
	for serial, want := range map[string]string{
		"4a1": "4a1", "04:A1": "4a1", "00 00 04 a1": "4a1", "0": "0", "00:00": "0", "": "",
	} {
		if got := plainSerial(serial); got != want {
			t.Errorf("%q becomes %q, want %q", serial, got, want)
		}
	}
}
