package caworker

import (
	"context"
	"errors"
	"time"

	"capf/enroll/acceptance"
	"capf/enroll/onlineca"
	"capf/store"
)

// fetch asks for the certificate of a request that the CA keeps under a number.
func (a *attempt) fetch(ctx context.Context) error {
	answer, err := a.ca.client.Fetch(ctx, a.online.CARequest)
	var failure *onlineca.Error
	switch {
	case err == nil && answer.State == onlineca.Pending:
		return a.wait(answer.RetryAfter, "a manager of the CA has to decide", "")
	case err == nil:
		return a.take(answer)
	case !errors.As(err, &failure):
		return a.wait(0, err.Error(), "")
	case failure.Decided:
		a.noteAnswer(failure)
		return a.end(store.OnlineDenied, failure.Error())
	case failure.Certificate != nil:
		a.noteAnswer(failure)
		return a.unusable(failure)
	}
	a.online.Code, a.online.Words = failure.Code, failure.Words
	return a.wait(failure.RetryAfter, failure.Error(), failure.Advice)
}

// take checks the certificate that the CA sent, and stores it as an LSC or as one
// that must not reach the phone.
func (a *attempt) take(answer onlineca.Answer) error {
	a.leaf = answer.Leaf
	found := acceptance.Rule{Trusted: a.ca.trusted, Now: a.now(), Leniency: a.ca.leniency}.Judge(a.request.CSR, a.request.Device, answer.Leaf, answer.Chain)
	ctx, cancel := context.WithTimeout(context.Background(), databaseWait)
	defer cancel()
	if found.Unfit == "" {
		_, err := a.store.LSCBySerial(ctx, found.LSC.Issuer, found.LSC.Serial)
		switch {
		case err == nil:
			found.Unfit, found.Advice = "its issuer has used the serial number before", acceptance.AdviceSerial
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if found.Unfit != "" {
		a.online.Certificate, a.online.Advice = answer.Leaf, found.Advice
		return a.end(store.OnlineUnfit, "the CA's certificate is not fit for the phone: "+found.Unfit)
	}
	for _, doubt := range found.Doubts {
		a.log.Warn("the online CA's certificate is taken, but unwise", "device", a.request.Device, "serial", found.LSC.Serial, "doubt", doubt)
	}
	a.untilValid(found.LSC.NotBefore)
	a.online.Note, a.online.Advice, a.online.Code, a.online.Words = "", "", "", ""
	err := a.recordAnswer(func(ctx context.Context) error {
		_, err := a.store.IssueOnline(ctx, actor(), a.online, found.LSC, found.Issuers)
		return err
	})
	if err == nil {
		a.waiting.decided(a.online.RequestID)
	}
	return err
}

// untilValid waits if the CA's clock is a little ahead of ours.
func (a *attempt) untilValid(from time.Time) {
	if wait := from.Sub(a.now()); wait > 0 && wait <= acceptance.ShortWait {
		select {
		case <-a.options.After(wait):
		case <-a.cut:
		}
	}
}
