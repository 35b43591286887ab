package store

import (
	"fmt"
	"time"
)

// instant is a time in a column: milliseconds since 1970 UTC, 0 when not set.
type instant time.Time

// Scan reads what millis made.
func (t *instant) Scan(src any) error {
	ms, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time was expected in the database, not %T", src)
	}
	*t = instant{}
	if ms != 0 {
		*t = instant(time.UnixMilli(ms).UTC())
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// bound is the beginning or end of a validity. It is always set: 0 is the
// beginning of 1970, from which some CAs' certificates are valid.
type bound time.Time

// Scan reads what millis made.
func (t *bound) Scan(src any) error {
	ms, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a time was expected in the database, not %T", src)
	}
	*t = bound(time.UnixMilli(ms).UTC())
	return nil
}

// optional is an id in a column, NULL for 0.
type optional int64

// Scan reads NULL as 0.
func (n *optional) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*n = 0
	case int64:
		*n = optional(v)
	default:
		return fmt.Errorf("an id was expected in the database, not %T", src)
	}
	return nil
}

func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// orEmpty returns a blob for a column that is never NULL.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// span is a duration in a column: milliseconds.
type span time.Duration

// Scan reads what Milliseconds made.
func (d *span) Scan(src any) error {
	ms, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a duration was expected in the database, not %T", src)
	}
	*d = span(time.Duration(ms) * time.Millisecond)
	return nil
}
