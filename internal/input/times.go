package input

import (
	"strings"
	"time"

	"capf/internal/apperr"
)

// Time reads a time as operators write it: the vendor's
// YYYY:MM:DD:HH[:MM] in the zone of now, with or without leading zeros, RFC 3339, a date
// YYYY-MM-DD, or a span from now such as +10d or +12h. A date is the moment at which its
// day begins. Errors wrap ErrValue.
func Time(s string, now time.Time) (time.Time, error) {
	if span, ok := strings.CutPrefix(s, "+"); ok {
		if t, ok := addSpan(span, now); ok {
			return t, nil
		}
		return time.Time{}, timeError(s)
	}
	for _, layout := range []string{"2006:1:2:15", "2006:1:2:15:4", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.Time{}, timeError(s)
}

// End is Time for what ends, such as a deadline: a date is the last second of its day.
func End(s string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, s, now.Location()); err == nil {
		return lastSecond(day), nil
	}
	return Time(s, now)
}

// lastSecond returns 23:59:59, and the later one where clocks go back at midnight.
func lastSecond(day time.Time) time.Time {
	const clock = "2006-01-02 15:04:05"
	y, m, d := day.Date()
	last := time.Date(y, m, d, 23, 59, 59, 0, day.Location())
	for _, step := range []time.Duration{30 * time.Minute, time.Hour} { // Lord Howe Island goes back by half an hour
		if later := last.Add(step); later.Format(clock) == last.Format(clock) {
			return later
		}
	}
	return last
}

func addSpan(span string, now time.Time) (time.Time, bool) {
	if days, ok := strings.CutSuffix(span, "d"); ok {
		n, err := Number(days, 0, 36500)
		return now.AddDate(0, 0, n), err == nil
	}
	d, err := Duration(span)
	return now.Add(d), err == nil
}

func timeError(s string) error {
	if _, ok := addSpan(s, time.Now()); ok {
		return apperr.BadValue("%q is not a time; +%s is that long from now", s, s)
	}
	return apperr.BadValue("%q is not a time; write 2027:01:31:18:00, 2027-01-31T18:00:00Z, 2027-01-31 or +10d", s)
}
