package devices

import (
	"strings"
	"time"

	"capf/internal/input"
)

// Deadline is the time by which an operation has to be completed: a moment, or a
// span that begins when the operation is scheduled, which for a template or a
// job is later than when it was written.
type Deadline struct {
	at   time.Time
	span string // with its plus; "" for a moment
}

// At is the deadline at the moment.
func At(t time.Time) Deadline { return Deadline{at: t} }

// ParseDeadline reads what input.Time reads. ErrValue.
func ParseDeadline(s string, now time.Time) (Deadline, error) {
	t, err := input.Time(s, now)
	if err == nil && strings.HasPrefix(s, "+") {
		return Deadline{span: s}, nil
	}
	return At(t), err
}

// From is the moment of the deadline for what is scheduled now.
func (d Deadline) From(now time.Time) time.Time {
	if d.span == "" {
		return d.at
	}
	t, _ := input.Time(d.span, now) // ParseDeadline has read it
	return t
}

// Moment is the moment, and false for a span.
func (d Deadline) Moment() (time.Time, bool) { return d.at, d.span == "" }

// String is the span, or the moment in UTC.
func (d Deadline) String() string {
	if d.span != "" {
		return d.span
	}
	return d.at.UTC().Format(time.RFC3339)
}

// MarshalText and UnmarshalText are for settings that are kept.
func (d Deadline) MarshalText() ([]byte, error) {
	if d.span != "" {
		return []byte(d.span), nil
	}
	return d.at.MarshalText()
}

// UnmarshalText reads what MarshalText has written.
func (d *Deadline) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDeadline(string(text), time.Time{})
	return err
}
