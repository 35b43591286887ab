package store

import (
	"context"
	"time"
)

// DueOnline returns the requests to the online CA that are due, at most limit,
// the longest due first. With unsent, those that the CA has are left out. When
// there are none, it takes microseconds.
func (s *Reader) DueOnline(ctx context.Context, limit int, unsent bool) ([]OnlineRequest, error) {
	now := s.options.Now()
	due, err := s.onlineRequests(ctx, dueOnline(now, limit, unsent))
	if err != nil || len(due) == limit {
		return due, err
	}
	ahead, err := s.onlineRequests(ctx, onlineAhead(now, limit-len(due), unsent))
	return append(due, ahead...), err
}

func (s *Reader) onlineRequests(ctx context.Context, q query) ([]OnlineRequest, error) {
	return collect(stream(ctx, s, "looking for requests to the online CA", q, (*OnlineRequest).fields))
}

// clockStep is how far the clock has to go back to be noticed; the clocks of
// several hosts may differ by less.
const clockStep = time.Minute

// onlineAhead selects requests whose time was set before the clock went back:
// it is further ahead than intended, so they are due now.
func onlineAhead(now time.Time, limit int, unsent bool) query {
	q := query{selection: "SELECT " + onlineColumns + " FROM online_requests", order: "set_at, request_id LIMIT ?"}
	q.where(isOnlineOpen)
	q.where("set_at > ?", millis(now.Add(clockStep)))
	q.where("due_at > ?", millis(now))
	if unsent {
		q.where("state <> 'taken'")
	}
	q.args = append(q.args, limit)
	return q
}

func dueOnline(now time.Time, limit int, unsent bool) query {
	q := query{selection: "SELECT " + onlineColumns + " FROM online_requests", order: "due_at, request_id LIMIT ?"}
	q.where(isOnlineOpen)
	q.where("due_at <= ?", millis(now))
	if unsent {
		q.where("state <> 'taken'")
	}
	q.args = append(q.args, limit)
	return q
}
