package enroll

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/store"
)

// keep writes what the CA has said. It is tried several times, since it cannot
// be asked for again, and also while the service is stopping. When the request
// has gone meanwhile, what the CA has made for it is recorded as nobody's.
func (e *errand) keep(write func(context.Context) error) error {
	err := e.insist(write)
	if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	left := e.left()
	if left == "" {
		return err
	}
	orphan := store.Event{Actor: onlineActor(), Device: e.request.Device, Action: store.Orphaned, Step: "issue", Outcome: "orphaned",
		Detail: fmt.Sprintf("%d has been deleted or decided meanwhile; %s", e.request.ID, left)}
	e.Log.Warn("the online CA has made what nobody waits for", "request", e.request.ID, "device", e.request.Device, "left", left)
	return errors.Join(err, e.insist(func(ctx context.Context) error { return e.Store.AddEvent(ctx, orphan) }))
}

// left is what the CA has that our request was for, so that it can be found
// there; empty when there is nothing.
func (e *errand) left() string {
	o := &e.online
	number := ""
	if o.CARequest != "" {
		number = fmt.Sprintf(", its request %s", o.CARequest)
	}
	switch {
	case e.leaf != nil:
		return fmt.Sprintf("the CA (%s) has issued %s%s", cmp.Or(o.CA, e.ca.name), named(e.leaf), number)
	case o.State == store.OnlineUnknown:
		return "whether the CA (" + e.ca.name + ") has taken it is not known"
	case o.CARequest != "" && o.State != store.OnlineDenied:
		return fmt.Sprintf("the CA (%s) has it as its request %s", o.CA, o.CARequest)
	case o.State == store.OnlineTaken:
		return "the CA (" + o.CA + ") has it"
	}
	return ""
}

// named is by what a certificate is found at its CA.
func named(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "a certificate that cannot be read"
	}
	return fmt.Sprintf("serial %s of %q", c.SerialNumber.Text(16), c.Issuer.String())
}

// insist writes until it succeeds, or the request is not ours any more, or the
// service has stopped.
func (e *errand) insist(write func(context.Context) error) (err error) {
	for stopped := false; ; {
		ctx, cancel := context.WithTimeout(context.Background(), databaseWait)
		err = write(ctx)
		cancel()
		if err == nil {
			e.writing.Succeeded()
		}
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrReplaced) {
			return err
		}
		rest := e.writing.Failed(err, "request", e.online.RequestID)
		if stopped || time.Now().Add(rest).After(e.claimed) {
			e.Log.Error("what the online CA said could not be kept", "request", e.online.RequestID, "device", e.request.Device,
				"left", e.left(), "reason", err)
			return err
		}
		select {
		case <-time.After(rest):
		case <-e.cut:
			stopped = true
		}
	}
}
