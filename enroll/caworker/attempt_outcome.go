package caworker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"capf/enroll"
	"capf/enroll/onlineca"
	"capf/store"
)

// wait leaves the request at the CA, and schedules the next question about
// it.
func (a *attempt) wait(after time.Duration, note, advice string) error {
	o := &a.online
	event := store.EventText{}
	if o.State == store.OnlineSent && o.Looks == 0 {
		event = store.EventText{Action: "csr-pending", Step: "issue", Outcome: "pending", Detail: note}
		if o.CARequest != "" {
			event.Detail += ", request " + o.CARequest + " of the CA"
		}
	}
	o.State, o.Note, o.Advice = store.OnlineTaken, note, advice
	o.DueAt = a.now().Add(max(a.between(o.Looks), after))
	if end := o.GiveUpAt.Add(time.Second); !o.GiveUpAt.IsZero() && o.DueAt.After(end) {
		o.DueAt = end
	}
	o.Looks++
	return a.recordAnswer(func(ctx context.Context) error { return a.store.PostponeOnline(ctx, actor(), *o, event) })
}

// between is the time until the CA is asked again. It grows by half each time.
func (a *attempt) between(looks int) time.Duration {
	d := a.options.FirstLook
	for ; looks > 0 && d < a.options.LastLook; looks-- {
		d += d / 2
	}
	return spread(min(d, a.options.LastLook))
}

// spread adds up to a quarter, so that requests that failed together are not
// retried together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/4+1) }

// leaveToOtherCA leaves a request alone that was sent to a CA other than the configured
// one: its number means nothing here, and it must not be sent a second time.
func (a *attempt) leaveToOtherCA(ctx context.Context) error {
	had := a.online.CA
	if err := a.claim(ctx, false); err != nil {
		return err
	}
	return a.wait(a.options.LastLook, fmt.Sprintf("another CA has the request: %s", had), "set online_ca_hostname, online_ca_port and online_ca_type back, or delete the request")
}

// noteAnswer notes what the CA said in its own words.
func (a *attempt) noteAnswer(failure *onlineca.Error) {
	o := &a.online
	o.Code, o.Words, o.Advice = failure.Code, failure.Words, failure.Advice
	if failure.RequestID != "" {
		o.CA, o.CARequest = a.ca.name, failure.RequestID
	}
}

// end closes the request without an LSC.
func (a *attempt) end(state store.OnlineState, reason string) error {
	a.online.State, a.online.Note = state, ""
	a.online.DueAt = a.now().Add(spread(max(a.pause, enroll.LeastReturn)))
	if state == store.OnlineUnfit {
		reason += " (" + certificateName(a.leaf) + ")" // the event outlives the request, which has the advice
	}
	if a.online.CARequest != "" {
		reason += fmt.Sprintf(" (request %s of the CA)", a.online.CARequest)
	}
	a.log.Warn("no certificate from the online CA", "request", a.online.RequestID, "device", a.request.Device, "state", string(state), "reason", reason)
	err := a.recordAnswer(func(ctx context.Context) error {
		return a.store.EndOnline(ctx, actor(), a.online, reason, store.Failed(store.Install, enroll.CauseOf(state)))
	})
	if err == nil {
		a.waiting.decided(a.online.RequestID)
	}
	return err
}
