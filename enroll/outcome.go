package enroll

import (
	"context"
	"errors"
	"slices"
	"time"

	"capf/crypto"
	"capf/enroll/caready"
	"capf/enroll/onlineca"
	"capf/enroll/settings"
	"capf/store"
)

// ErrPending says that the issuer has not decided yet.
var ErrPending = errors.New("the request is pending")

// Outcome returns what became of a request that a phone waits for: its LSC, which
// may be sent, a *SessionError when there will be none, or ErrPending. It goes by
// the operation that is scheduled now, not when the session began.
func (r *Registrar) Outcome(ctx context.Context, g Grant, requestID int64) (store.LSC, error) {
	request, err := r.store.Request(ctx, requestID)
	if errors.Is(err, store.ErrNotFound) {
		return store.LSC{}, sessionError(ErrDeclined, store.NoCause, "an operator has deleted the request")
	}
	if err != nil {
		return store.LSC{}, err
	}
	d, err := r.store.Device(ctx, request.Device)
	switch {
	case request.DeviceID == 0 || errors.Is(err, store.ErrNotFound):
		return store.LSC{}, sessionError(ErrDeclined, store.NoCause, "an operator has deleted the device")
	case err != nil:
		return store.LSC{}, err
	case d.Schedule != request.Schedule:
		return store.LSC{}, r.endUnwanted(ctx, g, request)
	case request.State == store.RequestPending && d.Late(r.now()):
		return store.LSC{}, sessionError(ErrLate, store.Late, "the certificate did not come in the time for the operation")
	case request.State == store.RequestPending:
		return store.LSC{}, ErrPending
	case request.State == store.RequestRejected:
		return store.LSC{}, r.endRejected(ctx, request)
	case request.State == store.RequestSuperseded && request.Reason != "":
		return store.LSC{}, sessionError(ErrDeclined, store.NoCause, "%s", request.Reason)
	case request.State == store.RequestSuperseded:
		return store.LSC{}, sessionError(ErrSuperseded, store.NoCause, "the phone has sent a newer request")
	}
	lsc, err := r.store.LSCOfRequest(ctx, requestID)
	if err == nil && lsc.State != store.LSCIssued {
		return lsc, sessionError(ErrSuperseded, store.NoCause, "the LSC is %s", lsc.State)
	}
	return lsc, err
}

// endUnwanted ends the wait for an operation that an operator has changed. An LSC
// that was issued for it meanwhile was never sent, and becomes stale.
func (r *Registrar) endUnwanted(ctx context.Context, g Grant, request store.Request) error {
	lsc, err := r.store.LSCOfRequest(ctx, request.ID)
	if err == nil && lsc.State == store.LSCIssued {
		err = r.store.MarkRefused(ctx, g.actor, lsc.ID, store.Failure{Unrecorded: true})
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		return err
	}
	return sessionError(ErrDeclined, store.NoCause, "the operation of the device was changed meanwhile")
}

// rejectUnproven rejects a request without asking the online CA, since a CA
// refuses a PKCS#10 that is not signed with its own key.
func (r *Registrar) rejectUnproven(ctx context.Context, g Grant, request store.Request) (store.Request, error) {
	request.Reason = "the phone did not prove that it has the private key, without which an online CA signs nothing; the CA was not asked"
	if _, err := r.store.RejectUnproven(ctx, g.actor, request); err != nil {
		return store.Request{}, changedMeanwhile(err)
	}
	return store.Request{}, sessionError(ErrDeclined, store.CARejected, "%s", request.Reason)
}

// endRejected ends the session whose request was rejected, by the issuer or on the way
// to it.
func (r *Registrar) endRejected(ctx context.Context, request store.Request) error {
	failed := sessionError(ErrDeclined, store.CARejected, "%s", request.Reason)
	if request.Issuer != settings.IssuerOnline {
		return failed
	}
	o, err := r.store.Online(ctx, request.ID)
	if errors.Is(err, store.ErrNotFound) {
		return failed
	}
	if err != nil {
		return err
	}
	if o.State == store.OnlineLate {
		return sessionError(ErrLate, store.Late, "%s", request.Reason)
	}
	failed.Cause = CauseOf(o.State)
	if failed.Cause == store.CACommunicationFailed {
		failed.Kind, failed.RetryAfter = ErrUnreachable, max(o.DueAt.Sub(r.now()), LeastReturn).Round(time.Second)
	}
	return failed
}

// CauseOf returns the X of "Upgrade Failed: X".
func CauseOf(s store.OnlineState) store.Cause {
	switch s {
	case store.OnlineUnreachable, store.OnlineUnknown, store.OnlineWithdrawn:
		return store.CACommunicationFailed
	case store.OnlineLate:
		return store.Late
	}
	return store.CARejected
}

// LeastReturn is the shortest delay after which a phone is told to come back. A
// random time is added, so that the phones do not all come at once.
const LeastReturn = 30 * time.Second

// OnlineFailure ends a session, before it has a request, because the online CA
// cannot serve it. The phone may come back after the pause, unless the CA
// requires something that we cannot supply. It is nil for nil.
func OnlineFailure(err error, pause time.Duration) error {
	var failure *onlineca.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure) && errors.Is(err, onlineca.ErrRejected):
		return sessionError(ErrDeclined, store.CARejected, "%s; %s", failure.Error(), failure.Advice)
	}
	failed := sessionError(ErrUnreachable, store.CACommunicationFailed, "%v", err)
	failed.RetryAfter = pause.Round(time.Second)
	return failed
}

// admitOnline checks, before the phone makes a key, whether the online CA
// could certify it.
func admitOnline(ctx context.Context, s *store.Reader, g *Grant) (*SessionError, error) {
	if g.Settings.Issuer != settings.IssuerOnline {
		return nil, nil
	}
	reason, err := caready.Unready(ctx, s, *g.Settings)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		return sessionError(ErrDeclined, store.CACommunicationFailed, "%s", reason), nil
	}
	if kind, ok := onlineca.KindOf(g.Settings.Online.Type); ok && kind.RSAOnly {
		g.Keys = slices.DeleteFunc(slices.Clone(g.Keys), crypto.KeyKind.IsEC)
		if len(g.Keys) == 0 {
			return sessionError(ErrDeclined, store.CARejected,
				"the device is to have an EC key, and an online CA of type %s gets RSA keys only: set its key order to rsa or ec-preferred", kind.Type), nil
		}
	}
	return nil, nil
}
