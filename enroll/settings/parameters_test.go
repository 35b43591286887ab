package settings

import (
	"math"
	"strings"
	"testing"
)

// strange are numbers of programmers, not of operators.
var strange = []string{
	"", " ", "1 ", " 1", "+1", "-1", "1e1", "1E1", "0x1", "0b1", "1_0", "NaN", "nan", "Inf", "-Inf", "infinity", "1.", "١", "１", "1,0", "99999999999999999999",
}

// TestStrictNumbers: whatever reads a number reads digits only.
func TestStrictNumbers(t *testing.T) {
	t.Parallel()
	for _, s := range strange {
		for _, share := range []string{s + "%", s, s + "/3", "2/" + s} {
			if v, err := parseShare(share); err == nil {
				t.Errorf("the share %q is %s", share, v)
			}
		}
		for _, p := range parameters {
			if p.Values != nil || p.Secret || !strings.Contains(p.Range, " to ") || p.Name == RenewBefore {
				continue // it is no number
			}
			if v, err := p.normalize(s + "x"); err == nil {
				t.Errorf("%s: %q is %s", p.Name, s, v)
			}
			if v, err := p.normalize(s); err == nil && s != "1 " && s != " 1" { // blanks around a value are no part of it
				t.Errorf("%s: %q is %s", p.Name, s, v)
			}
		}
	}
	for share, want := range map[string]float64{"2/3": 2.0 / 3, "0.66": 0.66, ".5": 0.5, "66%": 0.66, "66.6%": 0.666, "0": 0, "0%": 0, "19/20": 0.95} {
		text, err := parseShare(share)
		if err != nil || share != "0%" && math.Abs(shareIs(t, text)-want) > 1e-12 {
			t.Errorf("the share %q is %q: %v", share, text, err)
		}
	}
}

func shareIs(t *testing.T, text string) float64 {
	t.Helper()
	v, err := shareOf(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
