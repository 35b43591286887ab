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

// unproven rejects a request without asking the online CA, which refuses a
// PKCS#10 that is not signed with its own key.
func (r *Rules) unproven(ctx context.Context, g Grant, request store.Request) (store.Request, error) {
	request.Reason = "the phone did not prove that it has the private key, without which an online CA signs nothing; the CA was not asked"
	if _, err := r.Store.RejectUnproven(ctx, g.actor, request); err != nil {
		return store.Request{}, changedMeanwhile(err)
	}
	return store.Request{}, sessionError(ErrDeclined, store.CARejected, "%s", request.Reason)
}

// rejected is how the session ends whose request an issuer, or the way to it,
// has rejected.
func (r *Rules) rejected(ctx context.Context, request store.Request) error {
	end := sessionError(ErrDeclined, store.CARejected, "%s", request.Reason)
	if request.Issuer != settings.IssuerOnline {
		return end
	}
	o, err := r.Store.Online(ctx, request.ID)
	if errors.Is(err, store.ErrNotFound) {
		return end
	}
	if err != nil {
		return err
	}
	if o.State == store.OnlineLate {
		return sessionError(ErrLate, store.Late, "%s", request.Reason)
	}
	end.Cause = CauseOf(o.State)
	if end.Cause == store.CACommunicationFailed {
		end.Kind, end.RetryAfter = ErrUnreachable, max(o.DueAt.Sub(r.Now()), LeastReturn).Round(time.Second)
	}
	return end
}

// CauseOf is the X of "Upgrade Failed: X".
func CauseOf(s store.OnlineState) store.Cause {
	switch s {
	case store.OnlineUnreachable, store.OnlineUnknown, store.OnlineWithdrawn:
		return store.CACommunicationFailed
	case store.OnlineLate:
		return store.Late
	}
	return store.CARejected
}

// LeastReturn is the shortest time after which a phone is told to come back.
// Some more is added by chance, so that not all come at once.
const LeastReturn = 30 * time.Second

// OnlineFailure ends a session whose phone the online CA cannot serve, before it
// has a request. The phone may come back after the pause, unless the CA wants
// what cannot be had. It is nil for nil.
func OnlineFailure(err error, pause time.Duration) error {
	var failure *onlineca.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure) && errors.Is(err, onlineca.ErrRejected):
		return sessionError(ErrDeclined, store.CARejected, "%s; %s", failure.Error(), failure.Advice)
	}
	end := sessionError(ErrUnreachable, store.CACommunicationFailed, "%v", err)
	end.RetryAfter = pause.Round(time.Second)
	return end
}

// admitOnline looks, before the phone makes a key, whether it could get a
// certificate for it from the online CA.
func (r *Rules) admitOnline(ctx context.Context, g *Grant) (*SessionError, error) {
	if g.Settings.Issuer != settings.IssuerOnline {
		return nil, nil
	}
	reason, err := caready.Unready(ctx, r.Store.Reader, g.Settings)
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
