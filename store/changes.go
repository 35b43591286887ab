package store

import (
	"context"
	"strings"
)

// Changes is what has changed in the database since somebody last asked, by this
// process or another: each change has its event. A change may be seen before its
// event is, or together with it, never later.
type Changes struct {
	Until    int64           // the newest event, from which the next question goes on
	Anything bool            // too much to say what, or all there is
	Settings bool            // something that is not a device's, such as a parameter
	Devices  map[string]bool // whose something was, by their names in lower case
}

// manyEvents is how many events are looked at one by one. After more, it costs
// less to look at everything.
const manyEvents = 1000

// Changes tells what has changed since an event; -1 stands for an unknown one. While nothing has changed, it takes microseconds, so that it can be asked
// often.
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
	q := query{selection: "SELECT DISTINCT device FROM events"}
	q.where("id > ?", since)
	q.where("id <= ?", c.Until)
	for device, err := range stream(ctx, s, "looking for changes", q, func(device *string) []any { return []any{device} }) {
		switch {
		case err != nil:
			return Changes{}, err
		case device == "":
			c.Settings = true
		default:
			c.Devices[strings.ToLower(device)] = true
		}
	}
	return c, nil
}
