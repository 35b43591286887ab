package caworker

import (
	"context"
	"log/slog"
	"time"

	"capf/internal/backoff"
	"capf/store"
)

// attempt is one piece of work on one request: to send it, or to ask for its
// certificate. In the end, the database says where the request stands now.
type attempt struct {
	store    *store.Store
	log      *slog.Logger
	now      func() time.Time
	options  Options
	reserved *reservations
	waiting  *sessions
	writing  *backoff.Backoff

	ca      *access
	online  store.OnlineRequest
	request store.Request
	leaf    []byte          // the certificate that the CA has sent
	once    bool            // the request is bound to a connection, and cannot be sent again
	pause   time.Duration   // for which the CA wants to be left alone
	cut     <-chan struct{} // closed when a service that stops does not wait any longer
	claimed time.Time       // until when the request is ours
}

// run does the next thing that the state of the request calls for.
func (a *attempt) run(ctx context.Context) error {
	o := &a.online
	switch {
	case o.State == store.OnlineSent:
		if err := a.claim(ctx, false); err != nil {
			return err
		}
		return a.end(store.OnlineUnknown, "the process that sent the request to the CA ended before the answer came")
	case a.overdue():
		if err := a.claim(ctx, false); err != nil {
			return err
		}
		if !a.overdue() { // an operator has given it more time since it was read
			o.DueAt = a.now()
			return a.keep(func(ctx context.Context) error {
				return a.store.PostponeOnline(ctx, actor(), *o, store.EventText{})
			})
		}
		return a.end(store.OnlineLate, "the CA did not decide in the time for the operation")
	case a.ca.unready != "" && o.State == store.OnlineQueued:
		if err := a.claim(ctx, false); err != nil {
			return err
		}
		return a.end(store.OnlineUnreachable, a.ca.unready)
	case a.ca.unready != "":
		return nil
	case o.State == store.OnlineTaken && o.CA != a.ca.name:
		return a.elsewhere(ctx)
	case o.State == store.OnlineTaken && o.CARequest != "":
		if err := a.claim(ctx, false); err != nil {
			return err
		}
		return a.fetch(ctx)
	}
	return a.submit(ctx)
}

// overdue says whether the time for the operation is over, as it was when the
// request was last read.
func (a *attempt) overdue() bool {
	return !a.online.GiveUpAt.IsZero() && a.now().After(a.online.GiveUpAt)
}

// claim makes the request ours for longer than an attempt can last. With send, the
// database says from now on that it may have reached the CA.
func (a *attempt) claim(ctx context.Context, send bool) (err error) {
	until := a.now().Add(3 * a.options.Limits.Post)
	a.claimed = time.Now().Add(3 * a.options.Limits.Post)
	a.online, a.request, err = a.store.ClaimOnline(ctx, a.online, send, until)
	if err == nil {
		a.writing.Succeeded()
	}
	return err
}
