package caworker

import (
	"context"
	"log/slog"
	"time"

	"capf/internal/backoff"
	"capf/store"
)

// attempt is one piece of work on one request: to send it, or to ask for its
// certificate. It ends with a row in the database that says where the request
// stands.
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
	leaf    []byte          // what the CA has sent
	once    bool            // the request is good for one connection only
	back    time.Duration   // for how long the CA wants to be left alone
	cut     <-chan struct{} // closed when the service stops and does not wait any longer
	claimed time.Time       // until when the request is ours
}

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

// overdue says whether the time for the operation was over when the request was
// read last.
func (a *attempt) overdue() bool {
	return !a.online.GiveUpAt.IsZero() && a.now().After(a.online.GiveUpAt)
}

// claim takes the request for longer than an attempt can last.
func (a *attempt) claim(ctx context.Context, send bool) (err error) {
	until := a.now().Add(3 * a.options.Limits.Post)
	a.claimed = time.Now().Add(3 * a.options.Limits.Post)
	a.online, a.request, err = a.store.ClaimOnline(ctx, a.online, send, until)
	if err == nil {
		a.writing.Succeeded()
	}
	return err
}
