package caworker

import (
	"context"
	"log/slog"
	"time"

	"capf/internal/backoff"
	"capf/store"
)

// attempt is one piece of work on one request: sending it, or asking for its
// certificate. When it ends, the database holds the new state of the
// request.
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
	pause   time.Duration   // how long the CA asked us to wait
	cut     <-chan struct{} // closed when a stopping service waits no longer
	claimed time.Time       // the request is ours until then
}

// run takes the next step for the state of the request.
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
		if !a.overdue() { // an operator has given it more time since we read it
			o.DueAt = a.now()
			return a.recordAnswer(func(ctx context.Context) error {
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
		return a.leaveToOtherCA(ctx)
	case o.State == store.OnlineTaken && o.CARequest != "":
		if err := a.claim(ctx, false); err != nil {
			return err
		}
		return a.fetch(ctx)
	}
	return a.submit(ctx)
}

// overdue reports whether the time for the operation is over, going by the
// request as last read.
func (a *attempt) overdue() bool {
	return !a.online.GiveUpAt.IsZero() && a.now().After(a.online.GiveUpAt)
}

// claim makes the request ours for longer than an attempt can last. With send, the
// database says from then on that the request may have reached the CA.
func (a *attempt) claim(ctx context.Context, send bool) (err error) {
	until := a.now().Add(3 * a.options.Limits.Post)
	a.claimed = time.Now().Add(3 * a.options.Limits.Post)
	a.online, a.request, err = a.store.ClaimOnline(ctx, a.online, send, until)
	if err == nil {
		a.writing.Succeeded()
	}
	return err
}
