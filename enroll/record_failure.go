package enroll

import (
	"context"
	"fmt"

	"capf/store"
)

// RecordFailure records that an authenticated session ended at a step without
// success, and marks the error as recorded. The allowances keep phones that
// fail again and again from filling the record of events.
func (r *Registrar) RecordFailure(ctx context.Context, g Grant, step string, failed *SessionError) error {
	may, missed := r.failures.authenticated(g.Device.ID, r.now())
	return r.recordFailure(ctx, g.actor, limited(g.failure(step, failed), may, missed), failed)
}

func (r *Registrar) recordFailure(ctx context.Context, actor store.Actor, f store.Failure, failed *SessionError) error {
	if err := r.store.NoteFailure(ctx, actor, f); err != nil {
		return fmt.Errorf("recording that %v: %w", failed, err)
	}
	failed.recorded()
	return nil
}

func failure(d store.Device, step string, failed *SessionError) store.Failure {
	f := store.Failure{DeviceID: d.ID, Schedule: d.Schedule, Step: step, Outcome: failed.Kind.Error(), Detail: failed.Detail}
	// A malformed frame changes nothing (protocol page, "Elements"): it may not
	// even be the phone's. When a session was superseded, the newer one sets
	// the status. Both are recorded as events only.
	if d.Operation != store.NoOperation && d.ID != 0 && failed.Kind != ErrMalformed && failed.Kind != ErrSuperseded {
		f.Status = store.Failed(d.Operation, failed.Cause)
	}
	return f
}

// turnAway records why a phone that has not authenticated is turned away, and
// returns that error. The status of its device is always set.
func (r *Registrar) turnAway(ctx context.Context, actor store.Actor, d store.Device, step string, failed *SessionError) error {
	may, missed := r.failures.unauthenticated(r.now())
	if err := r.recordFailure(ctx, actor, limited(failure(d, step, failed), may, missed), failed); err != nil {
		return err
	}
	return failed
}

// limited drops the event when the allowance is used up.
func limited(f store.Failure, may bool, missed int) store.Failure {
	f.Unrecorded = !may
	if missed > 0 {
		f.Detail += fmt.Sprintf(" (%d other failures before it stand in the log of serve only)", missed)
	}
	return f
}
