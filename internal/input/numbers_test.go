package input

import (
	"errors"
	"testing"
	"time"

	"capf/internal/apperr"
)

// strange are numbers of programmers, not of operators.
var strange = []string{
	"", " ", "1 ", " 1", "+1", "-1", "1e1", "1E1", "0x1", "0b1", "1_0", "NaN", "nan", "Inf", "-Inf", "infinity", "1.", "١", "１", "1,0", "99999999999999999999",
}

// TestStrictNumbers: whatever reads a number reads digits only.
func TestStrictNumbers(t *testing.T) {
	t.Parallel()
	for _, s := range strange {
		if n, err := Number(s, 0, 1<<30); !errors.Is(err, apperr.ErrValue) {
			t.Errorf("the number %q is %d: %v", s, n, err)
		}
		for _, span := range []string{"+" + s + "d", "+" + s + "h"} {
			if at, err := Time(span, time.Now()); !errors.Is(err, apperr.ErrValue) && s != "1." { // 1.h is an hour
				t.Errorf("the time %q is %v: %v", span, at, err)
			}
		}
	}
	for s, want := range map[string]bool{"4": false, "5": true, "7": true, "8": false, "07": true} {
		if n, err := Number(s, 5, 7); (err == nil) != want {
			t.Errorf("the number %q from 5 to 7 is %d: %v", s, n, err)
		}
	}
	for s, want := range map[string]time.Duration{"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute} {
		if d, err := Duration(s); err != nil || d != want {
			t.Errorf("%q is %v: %v", s, d, err)
		}
	}
}
