package bulk

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"capf/enroll/devices"
	"capf/enroll/renewal"
	"capf/internal/apperr"
	"capf/store"
)

// Selection selects devices, in the words of operators and of the documents of jobs.
// Fields that are empty or nil do not limit it; the others are combined with AND. In
// Name, Pool, Model and LSCIssuedBy, * stands for any characters and ? for one. What
// depends on parameters or on CA certificates is looked up when devices are selected.
type Selection struct {
	store.DeviceFilter
	store.HoldingFilter
	IssuerExpiresBefore *time.Time `json:"issuer_expires_before,omitempty"`
	DueForRenewal       bool       `json:"due_for_renewal,omitempty"` // under the parameter renew_before
	ByItself            bool       `json:"by_itself,omitempty"`       // of those, only what renewal schedules without an operator
}

// Check refuses filters that no device can match together: that is a mistake,
// not an empty selection. The error is ErrValue.
func (s Selection) Check() error {
	aboutLSC := s.LSCExpiresBefore != nil || s.LSCExpiresWithin != 0 || s.LSCIssuedBy != "" || s.IssuerExpiresBefore != nil || s.DueForRenewal
	switch {
	case s.LSC == store.HoldsNone && aboutLSC:
		return contradiction("devices without an LSC", "what their LSC is like")
	case s.Operation == store.NoOperation && s.Late:
		return contradiction("devices without an operation", "an operation that is late")
	case s.Operation == store.NoOperation && s.Status == store.StatusPending:
		return contradiction("devices without an operation", "the status of a pending one")
	case s.Operation != "" && s.Operation != store.NoOperation && s.Status == store.StatusNone:
		return contradiction("a scheduled operation", "the status None")
	case s.Failed && s.Status != "" && !s.Status.IsFailure():
		return contradiction("devices whose operation failed", fmt.Sprintf("the status %q", s.Status.Long()))
	case s.ByItself && s.AuthMode != "" && !renewal.ByItself(s.AuthMode):
		return contradiction("what is renewed by itself", "devices that do not authenticate by an existing certificate")
	}
	return nil
}

func contradiction(a, b string) error {
	return apperr.BadValue("the filters contradict each other: %s, and %s", a, b)
}

// Empty reports whether the selection has no filters, and so selects all
// devices.
func (s Selection) Empty() bool { return reflect.ValueOf(s).IsZero() }

// Describe returns the selection in one line.
func (s Selection) Describe() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	add("name", s.Name)
	if s.Names != nil {
		add("devices", fmt.Sprintf("(%d listed)", len(s.Names)))
	}
	for _, f := range devices.Filters() {
		add(f.Flag(), f.Of(s.DeviceFilter))
	}
	add("last-seen-before", stamp(s.SeenBefore))
	add("lsc", string(s.LSC))
	add("lsc-expires-before", stamp(s.LSCExpiresBefore))
	if s.LSCExpiresWithin != 0 {
		add("lsc-expires-within", s.LSCExpiresWithin.String())
	}
	add("lsc-issued-by", s.LSCIssuedBy)
	add("issuer-expires-before", stamp(s.IssuerExpiresBefore))
	add("due-for-renewal", yes(s.DueForRenewal))
	add("by-itself", yes(s.ByItself))
	if len(parts) == 0 {
		return "all devices"
	}
	return strings.Join(parts, " ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Select yields the devices of the selection by name. ErrValue: its filters
// contradict each other; ErrRefused: it asks for devices due for renewal while
// renewal is off.
func Select(ctx context.Context, r *devices.Rules, s Selection) (iter.Seq2[store.Selected, error], error) {
	f, err := resolve(ctx, r, s)
	if err != nil {
		return nil, err
	}
	return r.Store.Selected(ctx, f), nil
}

// Count counts what Select yields, whatever the limit.
func Count(ctx context.Context, r *devices.Rules, s Selection) (int64, error) {
	f, err := resolve(ctx, r, s)
	if err != nil {
		return 0, err
	}
	return r.Store.CountSelected(ctx, f)
}

// resolve looks up what the selection depends on, as of now.
func resolve(ctx context.Context, r *devices.Rules, s Selection) (store.Selection, error) {
	if err := s.Check(); err != nil {
		return store.Selection{}, err
	}
	f := store.Selection{DeviceFilter: s.DeviceFilter, HoldingFilter: s.HoldingFilter}
	f.Name = devices.FullPattern(ctx, r.Store.Reader, f.Name)
	var err error
	if s.IssuerExpiresBefore != nil {
		if f.IssuedUnder, err = issuersEnding(ctx, r, *s.IssuerExpiresBefore); err != nil {
			return f, err
		}
	}
	if s.DueForRenewal {
		due, err := renewal.Due(ctx, r.Store.Reader)
		if err != nil {
			return f, err
		}
		if due == nil {
			return f, apperr.WithHint(apperr.Refused("nothing is due for renewal, because renewal is off"), "capf set renew_before 2/3")
		}
		due.ByItself = s.ByItself
		f.Due = due
	}
	return f, nil
}

// issuersEnding returns the CAs whose certificate ends before the time: our
// own, and those of capf-trust.
func issuersEnding(ctx context.Context, r *devices.Rules, before time.Time) ([]store.IssuerEnd, error) {
	var certs [][]byte
	id, err := r.Store.Identity(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	certs = append(certs, id.Chain...)
	trust, err := r.Store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	for _, t := range trust {
		certs = append(certs, t.Certificate)
	}
	ending := []store.IssuerEnd{} // not nil: no CA ends, so no device is selected
	for _, der := range certs {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			continue // it cannot have issued anything
		}
		if c.NotAfter.Before(before) {
			ending = append(ending, store.IssuerEnd{Name: c.Subject.String(), NotAfter: c.NotAfter})
		}
	}
	return ending, nil
}
