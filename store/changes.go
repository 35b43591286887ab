package store

import (
	"context"
	"strings"
)

// Changes says what has changed in the database since the last call, by this
// process or another: each change has an event. A change may become visible
// before its event or together with it, never after it.
type Changes struct {
	Until    int64           // the newest event, for the next call
	Anything bool            // anything may have changed
	Settings bool            // something that does not belong to a device, such as a parameter
	Devices  map[string]bool // devices that have changed, by lower-case name
}

// manyEvents is how many events are examined one by one. With more, it is
// cheaper to assume that anything has changed.
const manyEvents = 1000

// Changes returns what has changed since an event; -1 stands for an unknown one. While nothing has
// changed, it takes microseconds, so that it can be called often.
func (s *Reader) Changes(ctx context.Context, since int64) (Changes, error) {
	var c Changes
	if err := s.point(ctx, "SELECT coalesce(max(id), 0) FROM events", nil, &c.Until); err != nil {
		return Changes{}, failed(err, "looking for changes")
	}
	switch {
	case since == c.Until:
		return c, nil
	case since < 0, since > c.Until, c.Until-since > manyEvents:
		c.Anything = true
		return c, nil
	}
	c.Devices = map[string]bool{}
	devices, err := few(ctx, s, "SELECT DISTINCT device FROM events WHERE id > ? AND id <= ?", []any{since, c.Until},
		func(device *string) []any { return []any{device} })
	for _, device := range devices {
		if device == "" {
			c.Settings = true
		} else {
			c.Devices[strings.ToLower(device)] = true
		}
	}
	return c, failed(err, "looking for changes")
}
