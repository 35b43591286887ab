package enroll

import (
	"context"
	"errors"
	"fmt"

	"capf/store"
)

// ConfirmInstalled records that the phone has stored its LSC. It is durable
// when it returns. A *SessionError, here and for the other confirmations, says that
// an operator has deleted what the phone confirms.
func (r *Rules) ConfirmInstalled(ctx context.Context, g Grant, lsc store.LSC) error {
	return goneMeanwhile(r.Store.MarkInstalled(ctx, g.actor, lsc.ID, g.Device.Schedule))
}

// Refused records that the phone did not store its LSC, which is stale now. It
// returns a recorded *SessionError, or the error that kept it from being one.
func (r *Rules) Refused(ctx context.Context, g Grant, lsc store.LSC, detail string) error {
	end := sessionError(ErrDeclined, store.NoCause, "%s", detail)
	err := r.Store.MarkRefused(ctx, g.actor, lsc.ID, g.failure("store", end))
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		err = r.RecordFailure(ctx, g, "store", end) // nothing is left to become stale
	}
	if err != nil {
		return err
	}
	return end.recorded()
}

// ConfirmDeleted records that the phone has deleted its LSC.
func (r *Rules) ConfirmDeleted(ctx context.Context, g Grant) error {
	return goneMeanwhile(r.Store.MarkDeleted(ctx, g.actor, g.Device.ID, g.Device.Schedule))
}

// ConfirmFetched keeps the certificates that the phone gave for viewing.
func (r *Rules) ConfirmFetched(ctx context.Context, g Grant, certs map[CertificateKind][]byte) error {
	var rows []store.DeviceCertificate
	for _, kind := range []CertificateKind{LSC, MIC} {
		if der := certs[kind]; der != nil {
			rows = append(rows, store.DeviceCertificate{Kind: string(kind), Certificate: der, SeenAt: r.Now()})
		}
	}
	return goneMeanwhile(r.Store.MarkFetched(ctx, g.actor, g.Device.ID, g.Device.Schedule, rows))
}

func goneMeanwhile(err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return sessionError(ErrDeclined, store.NoCause, "deleted or replaced meanwhile: %v", err)
	}
	return err
}

// RecordFailure records that an authenticated session ended at a step without
// success, and marks the error as recorded. Phones that fail again and again do
// not fill the record of events.
func (r *Rules) RecordFailure(ctx context.Context, g Grant, step string, end *SessionError) error {
	may, missed := r.strangers.recordOf(g.Device.ID, r.Now())
	return r.recordFailure(ctx, g.actor, limited(g.failure(step, end), may, missed), end)
}

func (r *Rules) recordFailure(ctx context.Context, actor store.Actor, f store.Failure, end *SessionError) error {
	if err := r.Store.NoteFailure(ctx, actor, f); err != nil {
		return fmt.Errorf("recording that %v: %w", end, err)
	}
	end.recorded()
	return nil
}

// failure is that of an authenticated session.
func (g Grant) failure(step string, end *SessionError) store.Failure {
	f := failure(g.Device, step, end)
	f.Session = g.session
	return f
}

func failure(d store.Device, step string, end *SessionError) store.Failure {
	f := store.Failure{DeviceID: d.ID, Schedule: d.Schedule, Step: step, Outcome: end.Kind.Error(), Detail: end.Detail}
	// A malformed frame changes nothing (protocol page, "Elements"): it may not
	// even be the phone's. What was superseded is told by the newer session.
	// Both stand in the record of events only.
	if d.Operation != store.NoOperation && d.ID != 0 && end.Kind != ErrMalformed && end.Kind != ErrSuperseded {
		f.Status = store.Failed(d.Operation, end.Cause)
	}
	return f
}
