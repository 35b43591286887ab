package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// A phone speaks to CAPF only if the trust list that it has stored names the certificate
// that serve shows, or TVS vouches for it. So once there are lists, a new CAPF certificate
// is prepared: lists carry it at once, and serve shows it when phones have had time to
// fetch them.

// Delay says when a prepared certificate is shown; the zero one, when an operator says so.
type Delay struct {
	Span time.Duration // counted from when lists began to carry the certificate
	At   time.Time
}

// Set says whether there is a time at all.
func (d Delay) Set() bool { return d != Delay{} }

// From is the time, where a span begins at another.
func (d Delay) From(since time.Time) time.Time {
	if d.Span > 0 {
		return since.Add(d.Span)
	}
	return d.At
}

// String says when, as it stays until the change is carried out.
func (d Delay) String() string {
	switch {
	case d.Span > 0 && d.Span%(24*time.Hour) == 0:
		return plural.Of(int(d.Span/(24*time.Hour)), "day") + " after that"
	case d.Span > 0:
		return d.Span.String() + " after that"
	case !d.At.IsZero():
		return "after " + d.At.UTC().Format(time.RFC3339)
	}
	return "when an operator says so"
}

// PreparedNow returns the certificate that is prepared, unchecked; nil when none is.
func PreparedNow(ctx context.Context, s *store.Reader) (*store.Prepared, *x509.Certificate, error) {
	p, err := s.Prepared(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := x509.ParseCertificate(p.Chain[0])
	if err != nil {
		return nil, nil, fmt.Errorf("reading the prepared CAPF certificate: %w", err)
	}
	return &p, c, nil
}

// Prepares says whether a new CAPF certificate is prepared, not shown at once: phones
// have lists.
func Prepares(ctx context.Context, s *store.Reader) (bool, error) {
	is, err := s.ListsExist(ctx)
	if err != nil || is {
		return is, err
	}
	p, _, err := PreparedNow(ctx, s)
	return p != nil, err
}

// LoadPrepared returns the prepared CAPF certificate with its key, checked as Load does.
// The error is store.ErrNotFound when there is none.
func LoadPrepared(ctx context.Context, s *store.Reader, sealer *crypto.Sealer, now time.Time) (*crypto.Authority, error) {
	key, p, err := secrets.PreparedKey(ctx, s, sealer)
	if err != nil {
		return nil, err
	}
	a, err := crypto.LoadAuthority(p.Chain, key, now)
	if err != nil {
		return nil, fmt.Errorf("reading the prepared CAPF certificate: %w", err)
	}
	return a, nil
}

// install makes a certificate the CAPF certificate or, once there are lists, prepares it.
// There must be none that is prepared already.
func (c CAPF) install(ctx context.Context, actor store.Actor, id store.Identity, after Delay) (prepared bool, err error) {
	if prepared, err = Prepares(ctx, c.Store.Reader); err != nil {
		return false, err
	}
	if !prepared {
		if after.Set() {
			return false, apperr.WithHint(apperr.Refused("there are no trust lists, so nothing can be prepared for a later time: the new certificate is there at once, and serve shows it once it is restarted"),
				"run it without --after, or make lists first: capf trust-list init")
		}
		return false, c.Store.SaveIdentity(ctx, actor, id, false)
	}
	return true, c.Store.Prepare(ctx, actor, store.Prepared{Chain: id.Chain, SealedKey: id.SealedKey, ShownAfter: after.At, Span: after.Span}, nil)
}

// NothingPrepared is the refusal of what needs a certificate that is prepared.
func NothingPrepared() error {
	return apperr.WithHint(apperr.Refused("no CAPF certificate is prepared"), "capf cert regenerate capf prepares one, once there are trust lists")
}

// Show makes the prepared certificate the CAPF certificate, whether its time has come or
// not, and has every running serve show it. It must be fit. apperr.ErrRefused: none is
// prepared.
func (c CAPF) Show(ctx context.Context, actor store.Actor) (*crypto.Authority, error) {
	a, err := LoadPrepared(ctx, c.Store.Reader, c.Sealer, c.Now())
	if err == nil {
		err = c.Store.ShowPrepared(ctx, actor, a.Leaf().Raw)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = NothingPrepared()
	}
	return a, err
}

// ShowDue does what Show does if the time has come. It returns nil when nothing was to be
// done, also when another process has done it.
func (c CAPF) ShowDue(ctx context.Context, actor store.Actor) (*crypto.Authority, error) {
	p, _, err := PreparedNow(ctx, c.Store.Reader)
	if err != nil || p == nil || !p.Due(c.Now()) {
		return nil, err
	}
	a, err := LoadPrepared(ctx, c.Store.Reader, c.Sealer, c.Now())
	if err == nil {
		err = c.Store.ShowPrepared(ctx, actor, a.Leaf().Raw)
	}
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("showing the prepared CAPF certificate: %w", err)
	}
	return a, nil
}

// Postpone sets when the prepared certificate is shown; a span counts from when lists began
// to carry it, so that doing it twice changes nothing. It returns the time before.
// apperr.ErrRefused: none is prepared.
func (c CAPF) Postpone(ctx context.Context, actor store.Actor, after Delay) (was time.Time, changed bool, err error) {
	p, _, err := PreparedNow(ctx, c.Store.Reader)
	if err != nil {
		return was, false, err
	}
	if p == nil {
		return was, false, NothingPrepared()
	}
	was = p.ShownAfter
	p.ShownAfter = after.From(p.Since).Truncate(time.Millisecond)
	if p.ShownAfter.Equal(was) {
		return was, false, nil
	}
	return was, true, c.Store.Prepare(ctx, actor, *p, p.Chain[0])
}

// Cancel gives the prepared certificate up, which lists then carry no more, and returns it.
// apperr.ErrRefused: none is prepared.
func (c CAPF) Cancel(ctx context.Context, actor store.Actor) (*x509.Certificate, error) {
	p, leaf, err := PreparedNow(ctx, c.Store.Reader)
	if err == nil && p != nil {
		err = c.Store.CancelPrepared(ctx, actor, p.Chain[0])
	}
	if err == nil && p == nil || errors.Is(err, store.ErrNotFound) {
		err = NothingPrepared()
	}
	return leaf, err
}

// AlreadyPrepared refuses what would take the place of a certificate that is prepared.
func AlreadyPrepared(p store.Prepared) error {
	return apperr.WithHint(apperr.Refused("a CAPF certificate is prepared already, since %s, to be shown %s", p.Since.UTC().Format(time.RFC3339), p.When()),
		"capf cert regenerate capf --yes shows it now, --after sets the time, --cancel gives it up")
}
