package input

import (
	"errors"
	"testing"
	"time"

	"capf/internal/apperr"
)

func TestTimes(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, zone)
	for text, want := range map[string]string{
		"2027:01:31:18": "2027-01-31T18:00:00+01:00", "2027:01:31:18:30": "2027-01-31T18:30:00+01:00",
		"2027-01-31T18:00:00Z": "2027-01-31T18:00:00Z", "2027-01-31": "2027-01-31T00:00:00+01:00",
		"+10d": "2026-12-02T10:00:00+01:00", "+90m": "2026-11-22T11:30:00+01:00", "+0d": "2026-11-22T10:00:00+01:00", "+36500d": "2126-10-29T10:00:00+01:00", "+36501d": "",
		"": "", "tomorrow": "", "2027:02:30:18": "", "2027:13:01:00": "", "+d": "", "+-3d": "", "-3d": "", "+99999999d": "",
	} {
		got, err := Time(text, now)
		if want == "" {
			if !errors.Is(err, apperr.ErrValue) {
				t.Errorf("%q: %v, %v", text, got, err)
			}
			continue
		}
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
