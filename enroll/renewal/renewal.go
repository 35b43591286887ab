// Package renewal says which LSCs are due for renewal. It does not know who
// renews them, or when: that is for jobs and for operators.
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

// noEnd stands for the unknown end of an issuer (RFC 5280, section 4.1.2.5).
func noEnd() time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }

// Due returns what is due for renewal now, nil while renewal is off.
func Due(ctx context.Context, r *store.Reader) (*store.Due, error) {
	s, err := settings.Read(ctx, r)
	if err != nil || s.RenewBefore == 0 {
		return nil, err
	}
	d := &store.Due{Share: s.RenewBefore, Until: noEnd()}
	if s.Issuer != settings.IssuerCAPF { // which sets the validity itself
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

// companyEnd returns the latest end among the company CAs. No CA issues
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

// ByItself reports whether renewal schedules devices of the mode without an
// operator. By null string, anyone who knows a name would get the LSC; an
// authentication string has to be typed in.
func ByItself(m store.AuthMode) bool {
	return m == store.ByLSCPrecedence || m == store.ByMICPrecedence
}
