package lscs

import (
	"context"
	"time"

	"capf/store"
)

// Stale selects stale LSCs: those with the serials, or those that became stale before
// a time; all when neither is set.
type Stale struct {
	Serials []string
	Before  *time.Time
}

// DeleteStale deletes stale LSCs and returns how many. Errors as those of
// store.DeleteStale.
func DeleteStale(ctx context.Context, s *store.Store, actor store.Actor, which Stale) (int64, error) {
	if which.Before != nil {
		return s.DeleteStaleBefore(ctx, actor, *which.Before)
	}
	return s.DeleteStale(ctx, actor, which.Serials)
}

// Requests selects requests: those with the ids, or those from before a time that
// have no certificate; all waiting ones when neither is set.
type Requests struct {
	IDs    []int64
	Before *time.Time
}

// DeleteRequests deletes requests and returns how many. Errors as those of
// store.DeleteRequests.
func DeleteRequests(ctx context.Context, s *store.Store, actor store.Actor, which Requests) (int64, error) {
	if which.Before != nil {
		return s.DeleteRequestsBefore(ctx, actor, *which.Before)
	}
	return s.DeleteRequests(ctx, actor, which.IDs)
}
