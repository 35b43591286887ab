package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// The share of its life after which an LSC may be renewed. Below the least,
// phones would do little else; above the most, one that is switched off for a
// while would miss it.
const (
	leastShare = 0.10
	mostShare  = 0.95
)

// parseShare checks a share: a fraction, a decimal number or a percentage.
func parseShare(value string) (string, error) {
	n, err := shareOf(value)
	if err != nil || n != 0 && (n < leastShare || n > mostShare) {
		return "", apperr.BadValue("%s must be 0 or a share from 1/10 to 19/20 such as 2/3, 0.66 or 66%%, not %q", pRenewBefore, value)
	}
	if n == 0 {
		return "0", nil
	}
	return value, nil
}

func shareOf(value string) (float64, error) {
	if percent, ok := strings.CutSuffix(value, "%"); ok {
		n, err := parseDecimal(percent)
		return n / 100, err
	}
	above, below, ok := strings.Cut(value, "/")
	if !ok {
		return parseDecimal(value)
	}
	a, err := ParseNumber(above, 0, 1<<16)
	b, err2 := ParseNumber(below, 1, 1<<16)
	if err := errors.Join(err, err2); err != nil {
		return 0, err
	}
	return float64(a) / float64(b), nil
}

// share is the value of what parseShare has passed.
func share(value string) float64 {
	n, _ := shareOf(value)
	return n
}

// noEnd is the end of an issuer that is not known.
var noEnd = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280, section 4.1.2.5

// Due is what is due for renewal now, nil while renewal is off.
func (r *Rules) Due(ctx context.Context) (*store.Due, error) {
	s, err := r.Settings(ctx)
	if err != nil || s.RenewBefore == 0 {
		return nil, err
	}
	d := &store.Due{Share: s.RenewBefore, Until: noEnd}
	if s.Issuer != IssuerCAPF { // which decides for itself for how long
		d.Until, err = r.companyEnd(ctx)
		return d, err
	}
	validity := time.Duration(s.ValidityDays) * 24 * time.Hour
	d.Validity = &validity
	id, err := r.Store.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(id.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	d.Until = c.NotAfter
	return d, nil
}

// companyEnd is the end of the company CA that lasts longest. None issues
// beyond its own end.
func (r *Rules) companyEnd(ctx context.Context) (time.Time, error) {
	rows, err := r.Store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return time.Time{}, err
	}
	id, err := r.Store.Identity(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return time.Time{}, err
	}
	var end time.Time
	for _, t := range rows {
		own := slices.ContainsFunc(id.Chain, func(der []byte) bool { return bytes.Equal(der, t.Certificate) })
		if t.For.Has(store.ForLSC) && !own && t.NotAfter.After(end) {
			end = t.NotAfter
		}
	}
	if end.IsZero() {
		return noEnd, nil
	}
	return end, nil
}

// operatorRenewals tells of LSCs that are due, whose devices renewal leaves to
// an operator.
func (r *Rules) operatorRenewals(ctx context.Context) ([]Finding, error) {
	due, err := r.Due(ctx)
	if err != nil || due == nil {
		return nil, err
	}
	var n int64
	for _, mode := range []store.AuthMode{store.ByNullString, store.ByString} {
		some, err := r.Store.CountSelected(ctx, store.Selection{DeviceFilter: store.DeviceFilter{AuthMode: mode}, Due: due})
		if err != nil {
			return nil, err
		}
		n += some
	}
	if n == 0 {
		return nil, nil
	}
	return []Finding{{"warning", "an operator has to renew " + plural.Of(n, "LSC") + ": where a device does not authenticate by an existing certificate, renewal does not",
		"capf bulk select --due-for-renewal"}}, nil
}
