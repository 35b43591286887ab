// Package renewal says which LSCs are due to be renewed. Who renews them, and
// when, is for the job of renewal and for operators.
package renewal

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/enroll/settings"
	"capf/store"
)

// noEnd is the end of an issuer that is not known (RFC 5280, section 4.1.2.5).
func noEnd() time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }

// Due is what is due for renewal now, nil while renewal is off.
func Due(ctx context.Context, r *store.Reader) (*store.Due, error) {
	s, err := settings.Read(ctx, r)
	if err != nil || s.RenewBefore == 0 {
		return nil, err
	}
	d := &store.Due{Share: s.RenewBefore, Until: noEnd()}
	if s.Issuer != settings.IssuerCAPF { // which decides for itself for how long
		d.Until, err = companyEnd(ctx, r)
		return d, err
	}
	validity := time.Duration(s.ValidityDays) * 24 * time.Hour
	d.Validity = &validity
	id, err := r.Identity(ctx)
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
func companyEnd(ctx context.Context, r *store.Reader) (time.Time, error) {
	rows, err := r.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return time.Time{}, err
	}
	id, err := r.Identity(ctx)
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
		return noEnd(), nil
	}
	return end, nil
}
