package store

import (
	"context"
	"iter"
)

// LastEvent is the id of the newest event of any process, 0 when there is none.
// It costs microseconds, so that who waits for a change may ask often.
func (s *Reader) LastEvent(ctx context.Context) (id int64, err error) {
	err = s.point(ctx, "SELECT coalesce(max(id), 0) FROM events", nil, &id)
	return id, failed(err, "looking for new events")
}

// EventsAfter yields the events that came after the one with the id, in their
// order, but only the id, the device and the action of each. What one
// transaction has changed can be seen before or together with its events.
func (s *Reader) EventsAfter(ctx context.Context, id int64) iter.Seq2[Event, error] {
	q := query{selection: "SELECT id, device, action FROM events", order: "id"}
	q.where("id > ?", id)
	return stream(ctx, s, "reading new events", q, func(e *Event) []any { return []any{&e.ID, &e.Device, &e.Action} })
}
