package input

import (
	"errors"
	"testing"
	"time"

	"capf/internal/apperr"
)

// FuzzTime: a text is refused, or it is a time that can be written and
// read again; a span never leads into the past.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{"2027:01:31:18", "2027:01:31:18:05", "2027-01-31", "2027-01-31T18:00:00+14:00", "+10d", "+36500d", "+12h30m", "+9999999h", "+-1h", "+1e3s", ""} {
		f.Add(seed)
	}
	now := time.Date(2027, 1, 31, 18, 0, 0, 0, time.FixedZone("here", 5400))
	f.Fuzz(func(t *testing.T, text string) {
		at, err := Time(text, now)
		if err != nil {
			if !errors.Is(err, apperr.ErrValue) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if text[0] == '+' && at.Before(now) {
			t.Errorf("%q leads back to %v", text, at)
		}
		if y := at.UTC().Year(); y >= 1 && y <= 9998 { // a zone may lead out of the years that RFC 3339 knows
			again, err := Time(at.UTC().Format(time.RFC3339Nano), now)
			if err != nil || !again.Equal(at) {
				t.Errorf("%q is %v, then %v, %v", text, at, again, err)
			}
		}
	})
}
