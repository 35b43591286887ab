package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// pastTimes are the columns with times of past events, which cannot be in the
// future.
var pastTimes = []struct{ table, column, object string }{
	{"events", "at", "events"},
	{"devices", "updated_at", "devices"},
	{"requests", "created_at", "requests"},
	{"lscs", "issued_at", "LSCs"},
	{"online_requests", "set_at", "requests to the online CA"},
	{"jobs", "max(created_at, started_at, updated_at, ended_at, seen_at)", "jobs"},
	{"directories", "max(updated_at, last_sync_at)", "directories"},
	{"servers", "seen_at", "reports of serve"},
	{"list_keys", "max(listed_at, ceased_at, copied_at)", "keys of trust lists"},
}

// FutureTimes yields times that are in the future by this clock, a line for each
// kind: the clock was ahead when they were written, or has gone back since.
func (s *Reader) FutureTimes(ctx context.Context) iter.Seq2[Contradiction, error] {
	now := s.options.Now().Add(clockStep)
	return func(yield func(Contradiction, error) bool) {
		for _, a := range pastTimes {
			var n int64
			var last time.Time
			err := s.point(ctx, "SELECT count(*), coalesce(max("+a.column+"), 0) FROM "+a.table+" WHERE "+a.column+" > ?",
				[]any{millis(now)}, &n, (*instant)(&last))
			if err == nil && n == 0 {
				continue
			}
			c := Contradiction{a.object, fmt.Sprintf("by this clock, %d from the future, up to %s: it was ahead then, or has gone back",
				n, last.Format(time.RFC3339))}
			if !yield(c, failed(err, "looking for what lies in the future")) || err != nil {
				return
			}
		}
	}
}
