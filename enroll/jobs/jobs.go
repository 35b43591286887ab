// Package jobs runs changes of many devices: at once, at a time that an operator
// has set, or automatically for LSCs that are due for renewal. A job is a row in
// the store, so that another process can carry on when one has died. The package
// does not know what a change does to a device, which is for package bulk.
package jobs

import (
	"context"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

// Schedule makes a job that runs the update at the given time. Errors:
// ErrValue, such as for a time that has passed; ErrRefused.
func Schedule(ctx context.Context, r *devices.Rules, actor store.Actor, u bulk.Update, at time.Time) (store.Job, error) {
	now := r.Now()
	if !at.After(now) {
		return store.Job{}, apperr.BadValue("the time %s, at which the job is to run, has passed", at.Format(time.RFC3339))
	}
	if by := u.Edit.CompletesBy; by != nil && !by.From(at).After(at) {
		return store.Job{}, apperr.BadValue("the operation would have to be completed by %s, before the job runs", by)
	}
	if err := u.Check(ctx, r); err != nil {
		return store.Job{}, err
	}
	j, err := newJob(r, actor, u.Kind(), u)
	if err != nil {
		return j, err
	}
	j.RunAt = at
	return r.Store.AddJob(ctx, j)
}
