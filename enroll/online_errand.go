package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/onlineca"
	"capf/store"
)

// leastReturn is the shortest time after which a phone is told to come back.
// Some more is added by chance, so that not all come at once.
const leastReturn = 30 * time.Second

// onlineAccess is the way to the online CA.
type onlineAccess struct {
	client  certifier // nil when there is none
	name    string    // of the CA, for the record: which one has a request
	trusted []*x509.Certificate
	unready string // why there is none

	leniency acceptance.Leniency
}

// onlineAccess makes a client for the CA. A configuration that cannot work
// makes it unready; the error is a failure of ours.
func (w *OnlineWorker) onlineAccess(ctx context.Context, o OnlineSettings) (onlineAccess, error) {
	c, err := w.onlineConfig(ctx, o)
	if err != nil {
		return onlineAccess{}, err
	}
	c.Limits = w.options.Limits
	client, err := onlineca.New(c)
	if err != nil {
		return onlineAccess{unready: err.Error()}, nil
	}
	return onlineAccess{client: client, name: o.name(), trusted: c.Issuers, leniency: o.Leniency}, nil
}

// name tells one CA from another.
func (o OnlineSettings) name() string {
	return string(o.Type) + " " + net.JoinHostPort(o.Host, strconv.Itoa(o.Port))
}

// errand is one piece of work on one request: to send it, or to ask for its
// certificate. It ends with a line in the database about where it stands.
type errand struct {
	*OnlineWorker
	ca      onlineAccess
	online  store.OnlineRequest
	request store.Request
	back    time.Duration // for how long the CA wants to be left alone
	leaf    []byte        // what the CA has sent
	once    bool          // the request is good for one connection
	cut     <-chan struct{}
	claimed time.Time // until when the request is ours
}

func (e *errand) run(ctx context.Context) error {
	o := &e.online
	switch {
	case o.State == store.OnlineSent:
		if err := e.claim(ctx, false); err != nil {
			return err
		}
		return e.end(store.OnlineUnknown, "the process that sent the request to the CA ended before the answer came")
	case e.overdue():
		if err := e.claim(ctx, false); err != nil {
			return err
		}
		if !e.overdue() { // an operator has given it more time since it was read
			o.DueAt = e.Now()
			return e.keep(func(ctx context.Context) error {
				return e.Store.PostponeOnline(ctx, onlineActor(), *o, store.EventText{})
			})
		}
		return e.end(store.OnlineLate, "the CA did not decide in the time for the operation")
	case e.ca.unready != "" && o.State == store.OnlineQueued:
		if err := e.claim(ctx, false); err != nil {
			return err
		}
		return e.end(store.OnlineUnreachable, e.ca.unready)
	case e.ca.unready != "":
		return nil
	case o.State == store.OnlineTaken && o.CA != e.ca.name:
		return e.elsewhere(ctx)
	case o.State == store.OnlineTaken && o.CARequest != "":
		if err := e.claim(ctx, false); err != nil {
			return err
		}
		return e.fetch(ctx)
	}
	return e.submit(ctx)
}

// overdue says whether the time for the operation was over when the request was
// read last.
func (e *errand) overdue() bool {
	return !e.online.GiveUpAt.IsZero() && e.Now().After(e.online.GiveUpAt)
}

// claim takes the request for longer than an errand can last.
func (e *errand) claim(ctx context.Context, send bool) (err error) {
	until := e.Now().Add(3 * e.options.Limits.Post)
	e.claimed = time.Now().Add(3 * e.options.Limits.Post)
	e.online, e.request, err = e.Store.ClaimOnline(ctx, e.online, send, until)
	if err == nil {
		e.writing.Succeeded()
	}
	return err
}

// submit sends the request. That it is sent is durable before it is, and the
// CA's number before the certificate is asked for.
func (e *errand) submit(ctx context.Context) error {
	before := e.online.State
	if err := e.claim(ctx, true); err != nil {
		return err
	}
	submit := e.ca.client.Submit
	// One that is asked for again cannot name the new connection: the phone's
	// signature is over the old one.
	if challenge := crypto.Challenge(e.request.CSR); challenge != "" && before == store.OnlineQueued {
		b := e.takeBound(challenge)
		if b == nil {
			return e.end(store.OnlineUnreachable, boundGone)
		}
		e.once, submit = true, b.Submit
	}
	answer, err := submit(ctx, e.request.CSR)
	if err != nil {
		return e.notSubmitted(ctx, before, err)
	}
	e.online.CA, e.online.CARequest = e.ca.name, answer.RequestID
	if before == store.OnlineQueued {
		e.online.Looks = 0 // it counted the times that the CA was not reached
	}
	switch {
	case answer.State == onlineca.Pending:
		return e.wait(answer.RetryAfter, "a manager of the CA has to decide", "")
	case answer.Leaf != nil:
		return e.take(answer)
	}
	e.online.State, e.online.DueAt = store.OnlineTaken, e.Now().Add(3*e.options.Limits.Post)
	if err := e.keep(func(ctx context.Context) error {
		return e.Store.PostponeOnline(ctx, onlineActor(), e.online, store.EventText{})
	}); err != nil {
		return err
	}
	return e.fetch(ctx)
}

// notSubmitted sorts the failures of sending: what the CA has refused, what may
// have reached it, and what has not.
func (e *errand) notSubmitted(ctx context.Context, before store.OnlineState, err error) error {
	var failure *onlineca.Error
	if !errors.As(err, &failure) {
		return e.end(store.OnlineUnknown, err.Error())
	}
	e.heard(failure)
	asking := before == store.OnlineTaken // EST asks by sending again
	switch {
	case failure.Certificate != nil:
		return e.unusable(failure)
	case asking && failure.PutOff():
		return e.wait(failure.RetryAfter, failure.Error(), failure.Advice)
	case errors.Is(err, onlineca.ErrRejected):
		return e.end(store.OnlineDenied, failure.Error())
	case failure.Sent:
		return e.end(store.OnlineUnknown, "whether the CA has taken the request is not known, so it is not sent again and the phone makes a new key: "+failure.Error())
	case asking: // and this did not arrive
		return e.wait(failure.RetryAfter, failure.Error(), failure.Advice)
	case failure.Temporary() && !e.once && failure.RetryAfter == 0 && e.online.Looks+1 < e.options.Tries && ctx.Err() == nil:
		e.online.Looks++
		e.online.State, e.online.Note = store.OnlineQueued, failure.Error()
		e.online.DueAt = e.Now().Add(spread(e.options.Retry << (e.online.Looks - 1)))
		return e.keep(func(ctx context.Context) error {
			return e.Store.PostponeOnline(ctx, onlineActor(), e.online, store.EventText{})
		})
	}
	e.back = failure.RetryAfter
	return e.end(store.OnlineUnreachable, failure.Error())
}

// unusable keeps a certificate that came in an answer that cannot be used, so
// that it can be revoked.
func (e *errand) unusable(failure *onlineca.Error) error {
	e.leaf, e.online.Certificate = failure.Certificate, failure.Certificate
	e.online.Advice = "revoke the certificate at the CA (capf csr show ID --refused-certificate prints it), and see to it that the CA answers as it should"
	return e.end(store.OnlineUnfit, "the CA has issued a certificate in an answer that cannot be used: "+failure.Error())
}

// fetch asks for the certificate of a request that the CA has under a number.
func (e *errand) fetch(ctx context.Context) error {
	answer, err := e.ca.client.Fetch(ctx, e.online.CARequest)
	var failure *onlineca.Error
	switch {
	case err == nil && answer.State == onlineca.Pending:
		return e.wait(answer.RetryAfter, "a manager of the CA has to decide", "")
	case err == nil:
		return e.take(answer)
	case !errors.As(err, &failure):
		return e.wait(0, err.Error(), "")
	case failure.Decided:
		e.heard(failure)
		return e.end(store.OnlineDenied, failure.Error())
	case failure.Certificate != nil:
		e.heard(failure)
		return e.unusable(failure)
	}
	e.online.Code, e.online.Words = failure.Code, failure.Words
	return e.wait(failure.RetryAfter, failure.Error(), failure.Advice)
}

// take judges a certificate and keeps it, as an LSC or as one that must not
// reach the phone.
func (e *errand) take(answer onlineca.Answer) error {
	e.leaf = answer.Leaf
	found := acceptance.Rule{Trusted: e.ca.trusted, Now: e.Now(), Leniency: e.ca.leniency}.Judge(e.request.CSR, e.request.Device, answer.Leaf, answer.Chain)
	ctx, cancel := context.WithTimeout(context.Background(), databaseWait)
	defer cancel()
	if found.Unfit == "" {
		_, err := e.Store.LSCBySerial(ctx, found.LSC.Issuer, found.LSC.Serial)
		switch {
		case err == nil:
			found.Unfit, found.Advice = "its issuer has used the serial number before", acceptance.AdviceSerial
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	if found.Unfit != "" {
		e.online.Certificate, e.online.Advice = answer.Leaf, found.Advice
		return e.end(store.OnlineUnfit, "the CA's certificate is not fit for the phone: "+found.Unfit)
	}
	for _, doubt := range found.Doubts {
		e.Log.Warn("the online CA's certificate is taken, but unwise", "device", e.request.Device, "serial", found.LSC.Serial, "doubt", doubt)
	}
	e.untilValid(found.LSC.NotBefore)
	e.online.Note, e.online.Advice, e.online.Code, e.online.Words = "", "", "", ""
	err := e.keep(func(ctx context.Context) error {
		_, err := e.Store.IssueOnline(ctx, onlineActor(), e.online, found.LSC, found.Issuers)
		return err
	})
	if err == nil {
		e.announce(e.online.RequestID)
	}
	return err
}

// untilValid waits for a clock of the CA that is a little ahead of ours.
func (e *errand) untilValid(from time.Time) {
	if wait := from.Sub(e.Now()); wait > 0 && wait <= acceptance.ShortWait {
		select {
		case <-e.options.After(wait):
		case <-e.cut:
		}
	}
}

// wait leaves a request at the CA and says when to ask next.
func (e *errand) wait(after time.Duration, note, advice string) error {
	o := &e.online
	event := store.EventText{}
	if o.State == store.OnlineSent && o.Looks == 0 {
		event = store.EventText{Action: "csr-pending", Step: "issue", Outcome: "pending", Detail: note}
		if o.CARequest != "" {
			event.Detail += ", request " + o.CARequest + " of the CA"
		}
	}
	o.State, o.Note, o.Advice = store.OnlineTaken, note, advice
	o.DueAt = e.Now().Add(max(e.pause(o.Looks), after))
	if end := o.GiveUpAt.Add(time.Second); !o.GiveUpAt.IsZero() && o.DueAt.After(end) {
		o.DueAt = end
	}
	o.Looks++
	return e.keep(func(ctx context.Context) error { return e.Store.PostponeOnline(ctx, onlineActor(), *o, event) })
}

// pause grows by half each time.
func (e *errand) pause(looks int) time.Duration {
	d := e.options.FirstLook
	for ; looks > 0 && d < e.options.LastLook; looks-- {
		d += d / 2
	}
	return spread(min(d, e.options.LastLook))
}

// spread adds up to a quarter, so that what failed together comes back apart.
func spread(d time.Duration) time.Duration { return d + rand.N(d/4+1) }

// elsewhere is a request that another CA has than the one that is set now. Its
// number means nothing here, and it must not be sent again.
func (e *errand) elsewhere(ctx context.Context) error {
	had := e.online.CA
	if err := e.claim(ctx, false); err != nil {
		return err
	}
	return e.wait(e.options.LastLook, fmt.Sprintf("another CA has the request: %s", had), "set online_ca_hostname, online_ca_port and online_ca_type back, or delete the request")
}

// heard keeps the CA's own words.
func (e *errand) heard(failure *onlineca.Error) {
	o := &e.online
	o.Code, o.Words, o.Advice = failure.Code, failure.Words, failure.Advice
	if failure.RequestID != "" {
		o.CA, o.CARequest = e.ca.name, failure.RequestID
	}
}

// end brings a request to an end without an LSC.
func (e *errand) end(state store.OnlineState, reason string) error {
	e.online.State, e.online.Note = state, ""
	e.online.DueAt = e.Now().Add(spread(max(e.back, leastReturn)))
	if state == store.OnlineUnfit {
		reason += " (" + named(e.leaf) + ")" // the record outlives the request that keeps it
	}
	if e.online.CARequest != "" {
		reason += fmt.Sprintf(" (request %s of the CA)", e.online.CARequest)
	}
	e.Log.Warn("no certificate from the online CA", "request", e.online.RequestID, "device", e.request.Device, "state", string(state), "reason", reason)
	err := e.keep(func(ctx context.Context) error {
		return e.Store.EndOnline(ctx, onlineActor(), e.online, reason, store.Failed(store.Install, causeOf(state)))
	})
	if err == nil {
		e.announce(e.online.RequestID)
	}
	return err
}
