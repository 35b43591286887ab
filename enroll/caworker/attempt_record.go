package caworker

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/internal/serialnumber"
	"capf/store"
)

// recordAnswer writes the CA's answer to the database. It tries more than once, even while
// the service stops, since the CA cannot be asked again. If the request has been
// deleted or decided in the meantime, what the CA issued for it is recorded as
// orphaned.
func (a *attempt) recordAnswer(write func(context.Context) error) error {
	err := a.retryWrite(write)
	if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	left := a.remainder()
	if left == "" {
		return err
	}
	orphan := store.Event{Actor: actor(), Device: a.request.Device, Action: store.Orphaned, Step: "issue", Outcome: "orphaned",
		Detail: fmt.Sprintf("%d has been deleted or decided meanwhile; %s", a.request.ID, left)}
	a.log.Warn("the online CA issued a certificate that nothing waits for", "request", a.request.ID, "device", a.request.Device, "left", left)
	return errors.Join(err, a.retryWrite(func(ctx context.Context) error { return a.store.AddEvent(ctx, orphan) }))
}

// remainder describes what the CA still holds of this request, so that it can be found
// there; "" when it holds nothing.
func (a *attempt) remainder() string {
	o := &a.online
	number := ""
	if o.CARequest != "" {
		number = fmt.Sprintf(", its request %s", o.CARequest)
	}
	switch {
	case a.leaf != nil:
		return fmt.Sprintf("the CA (%s) has issued %s%s", cmp.Or(o.CA, a.ca.name), certificateName(a.leaf), number)
	case o.State == store.OnlineUnknown:
		return "whether the CA (" + a.ca.name + ") has taken it is not known"
	case o.CARequest != "" && o.State != store.OnlineDenied:
		return fmt.Sprintf("the CA (%s) has it as its request %s", o.CA, o.CARequest)
	case o.State == store.OnlineTaken:
		return "the CA (" + o.CA + ") has it"
	}
	return ""
}

// certificateName identifies a certificate for finding it at its CA.
func certificateName(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "a certificate that cannot be read"
	}
	return fmt.Sprintf("serial %s of %q", serialnumber.Text(c.SerialNumber), c.Issuer.String())
}

// retryWrite retries a write until it succeeds, the request is no longer ours, or
// the service has stopped.
func (a *attempt) retryWrite(write func(context.Context) error) (err error) {
	for stopped := false; ; {
		ctx, cancel := context.WithTimeout(context.Background(), databaseWait)
		err = write(ctx)
		cancel()
		if err == nil {
			a.writing.Succeeded()
		}
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrClosed) || errors.Is(err, store.ErrReplaced) {
			return err
		}
		rest := a.writing.Failed(err, "request", a.online.RequestID)
		if stopped || time.Now().Add(rest).After(a.claimed) {
			a.log.Error("what the online CA said could not be kept", "request", a.online.RequestID, "device", a.request.Device,
				"left", a.remainder(), "reason", err)
			return err
		}
		select {
		case <-time.After(rest):
		case <-a.cut:
			stopped = true
		}
	}
}
