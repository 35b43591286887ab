package store

import (
	"context"
	"time"
)

// Rate limits how many LSCs are renewed within a time, by all processes
// together.
type Rate struct {
	Most   int
	Within time.Duration
}

// renewedWithin is the question how many were, in either direction: what lies
// further ahead was written before the clock went back.
const renewedWithin = `SELECT coalesce(sum(changed), 0) FROM jobs WHERE kind = 'renewal' AND updated_at > ? AND updated_at < ?`

func (r Rate) around(now time.Time) []any {
	return []any{millis(now.Add(-r.Within)), millis(now.Add(r.Within))}
}

// RenewalsLeft returns how many LSCs may be renewed now.
func (s *Reader) RenewalsLeft(ctx context.Context, r Rate) (int, error) {
	var renewed int
	err := s.point(ctx, renewedWithin, r.around(s.options.Now()), &renewed)
	return max(0, r.Most-renewed), failed(err, "counting renewals")
}

func renewalsLeft(t *tx, r Rate) (int, error) {
	var renewed int
	err := t.row(renewedWithin, r.around(t.now)...).Scan(&renewed)
	return max(0, r.Most-renewed), err
}
