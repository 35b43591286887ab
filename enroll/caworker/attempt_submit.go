package caworker

import (
	"context"
	"errors"

	"capf/crypto"
	"capf/enroll/onlineca"
	"capf/store"
)

// submit sends the request. The database records the sending before it happens,
// and the CA's number before the certificate is fetched.
func (a *attempt) submit(ctx context.Context) error {
	before := a.online.State
	if err := a.claim(ctx, true); err != nil {
		return err
	}
	submit := a.ca.client.Submit
	// A pending request that is submitted again cannot name the new connection: the
	// phone has signed the name of the old one.
	if challenge := crypto.Challenge(a.request.CSR); challenge != "" && before == store.OnlineQueued {
		b := a.reserved.take(challenge)
		if b == nil {
			return a.end(store.OnlineUnreachable, boundGone)
		}
		a.once, submit = true, b.Submit
	}
	answer, err := submit(ctx, a.request.CSR)
	if err != nil {
		return a.notSubmitted(ctx, before, err)
	}
	a.online.CA, a.online.CARequest = a.ca.name, answer.RequestID
	if before == store.OnlineQueued {
		a.online.Looks = 0 // until now it counted failures to reach the CA
	}
	switch {
	case answer.State == onlineca.Pending:
		return a.wait(answer.RetryAfter, "a manager of the CA has to decide", "")
	case answer.Leaf != nil:
		return a.take(answer)
	}
	a.online.State, a.online.DueAt = store.OnlineTaken, a.now().Add(3*a.options.Limits.Post)
	if err := a.recordAnswer(func(ctx context.Context) error {
		return a.store.PostponeOnline(ctx, actor(), a.online, store.EventText{})
	}); err != nil {
		return err
	}
	return a.fetch(ctx)
}

// notSubmitted handles the three ways in which sending fails: the CA refused the
// request, it may have received it, or it did not receive it.
func (a *attempt) notSubmitted(ctx context.Context, before store.OnlineState, err error) error {
	var failure *onlineca.Error
	if !errors.As(err, &failure) {
		return a.end(store.OnlineUnknown, err.Error())
	}
	a.noteAnswer(failure)
	asking := before == store.OnlineTaken // for a CA without numbers, sending again is how to ask
	switch {
	case failure.Certificate != nil:
		return a.unusable(failure)
	case asking && failure.PutOff():
		return a.wait(failure.RetryAfter, failure.Error(), failure.Advice)
	case errors.Is(err, onlineca.ErrRejected):
		return a.end(store.OnlineDenied, failure.Error())
	case failure.Sent:
		return a.end(store.OnlineUnknown, "whether the CA has taken the request is not known, so it is not sent again and the phone makes a new key: "+failure.Error())
	case asking: // this did not arrive, but the CA has the request
		return a.wait(failure.RetryAfter, failure.Error(), failure.Advice)
	case failure.Temporary() && !a.once && failure.RetryAfter == 0 && a.online.Looks+1 < a.options.Tries && ctx.Err() == nil:
		a.online.Looks++
		a.online.State, a.online.Note = store.OnlineQueued, failure.Error()
		a.online.DueAt = a.now().Add(spread(a.options.Retry << (a.online.Looks - 1)))
		return a.recordAnswer(func(ctx context.Context) error {
			return a.store.PostponeOnline(ctx, actor(), a.online, store.EventText{})
		})
	}
	a.pause = failure.RetryAfter
	return a.end(store.OnlineUnreachable, failure.Error())
}

// unusable stores a certificate from an answer that cannot be used, so that it can
// be revoked.
func (a *attempt) unusable(failure *onlineca.Error) error {
	a.leaf, a.online.Certificate = failure.Certificate, failure.Certificate
	a.online.Advice = "revoke the certificate at the CA (capf csr show ID --refused-certificate prints it), and see to it that the CA answers as it should"
	return a.end(store.OnlineUnfit, "the CA has issued a certificate in an answer that cannot be used: "+failure.Error())
}
