package enroll

import (
	"context"
	"errors"

	"capf/store"
)

// ConfirmInstalled records that the phone has stored its LSC. The record is durable
// when it returns. A *SessionError, here and from the other confirmations, says
// that an operator has deleted what the phone confirms.
func (r *Registrar) ConfirmInstalled(ctx context.Context, g Grant, lsc store.LSC) error {
	return goneMeanwhile(r.store.MarkInstalled(ctx, g.actor, lsc.ID, g.Device.Schedule))
}

// Refused records that the phone did not store its LSC, which is now stale. It
// returns a recorded *SessionError, or the error that prevented the recording.
func (r *Registrar) Refused(ctx context.Context, g Grant, lsc store.LSC, detail string) error {
	refused := sessionError(ErrDeclined, store.NoCause, "%s", detail)
	err := r.store.MarkRefused(ctx, g.actor, lsc.ID, g.failure("store", refused))
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		err = r.RecordFailure(ctx, g, "store", refused) // the LSC is gone already
	}
	if err != nil {
		return err
	}
	return refused.recorded()
}

// ConfirmDeleted records that the phone has deleted its LSC.
func (r *Registrar) ConfirmDeleted(ctx context.Context, g Grant) error {
	return goneMeanwhile(r.store.MarkDeleted(ctx, g.actor, g.Device.ID, g.Device.Schedule))
}

// ConfirmFetched stores the certificates that were fetched from the phone.
func (r *Registrar) ConfirmFetched(ctx context.Context, g Grant, certs map[CertificateKind][]byte) error {
	var rows []store.DeviceCertificate
	for _, kind := range []CertificateKind{KindLSC, KindMIC} {
		if der := certs[kind]; der != nil {
			rows = append(rows, store.DeviceCertificate{Kind: string(kind), Certificate: der, SeenAt: r.now()})
		}
	}
	return goneMeanwhile(r.store.MarkFetched(ctx, g.actor, g.Device.ID, g.Device.Schedule, rows))
}

// goneMeanwhile ends the session when what it acts on has been deleted.
func goneMeanwhile(err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return sessionError(ErrDeclined, store.NoCause, "deleted or replaced meanwhile: %v", err)
	}
	return err
}
