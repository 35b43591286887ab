package jobs

import (
	"context"
	"time"

	"capf/store"
)

// Cancel cancels a waiting job, and ends a running one after its running
// commands. ErrNotFound: there is no such job; ErrConflict: it has ended.
func Cancel(ctx context.Context, s *store.Store, actor store.Actor, id int64) (store.Job, error) {
	return s.CancelJob(ctx, actor, id)
}

// Delete deletes jobs that have ended with their results, all or none, and returns
// how many. ErrNotFound: there is no such job; ErrConflict: one has not ended.
func Delete(ctx context.Context, s *store.Store, actor store.Actor, ids []int64) (int64, error) {
	return s.DeleteJobs(ctx, actor, ids)
}

// DeleteBefore deletes the jobs that ended before the time, and returns how many.
func DeleteBefore(ctx context.Context, s *store.Store, actor store.Actor, before time.Time) (int64, error) {
	return s.DeleteJobsBefore(ctx, actor, before)
}
