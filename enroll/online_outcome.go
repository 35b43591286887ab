package enroll

import (
	"context"
	"errors"
	"strings"
	"time"

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
	if request.Issuer != IssuerOnline {
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
	end.Cause = causeOf(o.State)
	if end.Cause == store.CACommunicationFailed {
		end.Kind, end.RetryAfter = ErrUnreachable, max(o.DueAt.Sub(r.Now()), leastReturn).Round(time.Second)
	}
	return end
}

// causeOf is the X of "Upgrade Failed: X".
func causeOf(s store.OnlineState) store.Cause {
	switch s {
	case store.OnlineUnreachable, store.OnlineUnknown, store.OnlineWithdrawn:
		return store.CACommunicationFailed
	case store.OnlineLate:
		return store.Late
	}
	return store.CARejected
}

// standing says in one line how a request stands at the online CA, for people.
func standing(o store.OnlineRequest) string {
	number := ""
	if o.CARequest != "" {
		number = " as its request " + o.CARequest
	}
	switch o.State {
	case store.OnlineQueued:
		return strings.TrimSpace("waits to be sent to the CA; " + o.Note)
	case store.OnlineSent:
		return "is on its way to the CA, which has not answered yet"
	case store.OnlineTaken:
		return "the CA has it" + number + "; the certificate is asked for again"
	case store.OnlineIssued:
		return "the CA issued the certificate" + number
	case store.OnlineDenied:
		switch code, _, _ := strings.Cut(o.Code, "."); code {
		case "401", "403", "495", "496":
			return "the web server of the CA did not let us in, so the CA has not seen it"
		}
		return "the CA denied it" + number
	case store.OnlineUnfit:
		return "the CA issued a certificate" + number + " that failed a check; it is kept and was not sent to the phone"
	case store.OnlineUnreachable:
		return "it did not reach the CA"
	case store.OnlineUnknown:
		return "whether the CA has taken it is not known; it is not sent again"
	case store.OnlineWithdrawn:
		return "it was not sent, since the phone had gone"
	case store.OnlineLate:
		return "the CA did not decide in time; it still has it" + number
	}
	return string(o.State)
}
