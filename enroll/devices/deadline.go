package devices

import (
	"strings"
	"time"

	"capf/internal/input"
)

// Deadline is the time by which an operation has to be completed: a moment, or a
// span that begins when the operation is scheduled. A template or a job
// schedules it later than it was written.
type Deadline struct {
	at   time.Time
	span string // with the plus sign; "" for a moment
}

// At returns the deadline at that moment.
func At(t time.Time) Deadline { return Deadline{at: t} }

// ParseDeadline reads the forms that input.End reads; the error is
// apperr.ErrValue.
func ParseDeadline(s string, now time.Time) (Deadline, error) {
	t, err := input.End(s, now)
	if err == nil && strings.HasPrefix(s, "+") {
		return Deadline{span: s}, nil
	}
	return At(t), err
}

// From returns the moment of the deadline for an operation scheduled now.
func (d Deadline) From(now time.Time) time.Time {
	if d.span == "" {
		return d.at
	}
	t, _ := input.Time(d.span, now) // ParseDeadline has checked it
	return t
}

// Moment returns the moment; it is false for a span.
func (d Deadline) Moment() (time.Time, bool) { return d.at, d.span == "" }

// String returns the span, or the moment in UTC.
func (d Deadline) String() string {
	if d.span != "" {
		return d.span
	}
	return d.at.UTC().Format(time.RFC3339)
}

// MarshalText and UnmarshalText serve templates and jobs, which are stored
// as JSON.
func (d Deadline) MarshalText() ([]byte, error) {
	if d.span != "" {
		return []byte(d.span), nil
	}
	return d.at.MarshalText()
}

// UnmarshalText reads what MarshalText wrote.
func (d *Deadline) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDeadline(string(text), time.Time{})
	return err
}
