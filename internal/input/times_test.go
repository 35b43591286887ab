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
		"2027:1:31:12:0": "2027-01-31T12:00:00+01:00", "2027:01:31:12:0": "2027-01-31T12:00:00+01:00", "2027:1:1:9": "2027-01-01T09:00:00+01:00", "2027:1:31:9:05": "2027-01-31T09:05:00+01:00",
		"2027:1:32:9": "", "27:1:31:9": "", "2027:1:31:24:0": "", "2027:1:31:9:60": "", "2027:1:31": "", "2027:1:31:": "", "2027: 1:31:9": "",
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

// TestEnds: a date is its last second, also on days on which clocks change; everything else
// is what it is.
func TestEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ zone, text, want string }{
		{"Europe/Berlin", "2026-11-28", "2026-11-28T23:59:59+01:00"},
		{"Europe/Berlin", "2027-03-28", "2027-03-28T23:59:59+02:00"},
		{"Europe/Berlin", "2027-10-31", "2027-10-31T23:59:59+01:00"},
		{"America/Havana", "2027-11-07", "2027-11-07T23:59:59-05:00"},
		{"America/Santiago", "2027-04-03", "2027-04-03T23:59:59-04:00"}, // its last hour comes twice
		{"America/Santiago", "2027-09-04", "2027-09-04T23:59:59-04:00"}, // the next day begins at one
		{"UTC", "2028-02-29", "2028-02-29T23:59:59Z"},
		{"UTC", "2027-12-31T00:00:00Z", "2027-12-31T00:00:00Z"},
		{"UTC", "2027:12:31:0:0", "2027-12-31T00:00:00Z"},
		{"UTC", "+1d", "2026-11-23T10:00:00Z"},
		{"UTC", "2027-02-29", ""},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := End(test.text, time.Date(2026, 11, 22, 10, 0, 0, 0, zone))
		if (err == nil) != (test.want != "") || err == nil && got.Format(time.RFC3339) != test.want {
			t.Errorf("%s in %s: %s, %v", test.text, test.zone, got.Format(time.RFC3339), err)
		}
	}
}
