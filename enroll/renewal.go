package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/enroll/settings"
	"capf/internal/plural"
	"capf/store"
)

// noEnd is the end of an issuer that is not known.
var noEnd = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) // RFC 5280, section 4.1.2.5

// Due is what is due for renewal now, nil while renewal is off.
func (r *Rules) Due(ctx context.Context) (*store.Due, error) {
	s, err := r.Settings(ctx)
	if err != nil || s.RenewBefore == 0 {
		return nil, err
	}
	d := &store.Due{Share: s.RenewBefore, Until: noEnd}
	if s.Issuer != settings.IssuerCAPF { // which decides for itself for how long
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
