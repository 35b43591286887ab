package tvs

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/trustlist"
	"capf/store"
)

// How long phones may keep the answer that a certificate is valid. It is short enough
// that one which was taken out of the lists, because its key has leaked, is used for an
// hour at most, where the vendor's server says a day. While lists are new, and as long
// as a CAPF certificate is only prepared, what is valid now may soon not be; phones then
// ask again after minutes.
const (
	keep         = time.Hour
	keepInChange = 5 * time.Minute
	listsAreNew  = 24 * time.Hour
)

// Voucher decides for which certificates TVS vouches.
type Voucher struct {
	Store *store.Reader
	Now   func() time.Time
}

// voucher is a certificate with a role in which TVS vouches for it.
type voucher struct {
	*x509.Certificate
	role trustlist.Role
}

// Answer answers a question: valid are the certificates in our lists, those of
// phone-sast-trust as signers of lists and those of tvs-trust as TVS servers, while they
// last, with exactly these roles.
func (v Voucher) Answer(ctx context.Context, q trustlist.TVSQuestion) (a trustlist.TVSAnswer, err error) {
	a.Query, a.Session = q.Query, q.Session
	all, err := v.vouchers(ctx)
	if err != nil {
		return a, err
	}
	var found *x509.Certificate
	for _, one := range all {
		if !q.Means(one.Certificate) || found != nil && !found.Equal(one.Certificate) {
			continue
		}
		found = one.Certificate
		if !slices.Contains(a.Roles, one.role) {
			a.Roles = append(a.Roles, one.role)
		}
	}
	now := v.Now()
	if found == nil || now.Before(found.NotBefore) || now.After(found.NotAfter) {
		a.Roles = nil
		return a, nil
	}
	a.Valid = true
	if q.Query {
		a.Certificate = found.Raw
	}
	a.Keep, err = v.keep(ctx, now)
	a.Keep = min(a.Keep, found.NotAfter.Sub(now).Truncate(time.Second))
	return a, err
}

func (v Voucher) vouchers(ctx context.Context) (all []voucher, err error) {
	entries, err := lists.Contents(ctx, v.Store)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		all = append(all, voucher{e.Certificate, e.Role})
	}
	for _, of := range []struct {
		purpose store.Purpose
		role    trustlist.Role
	}{{store.PhoneSASTTrust, trustlist.RoleSAST}, {store.TVSTrust, trustlist.RoleTVS}} {
		rows, err := v.Store.Trust(ctx, of.purpose)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			c, err := x509.ParseCertificate(row.Certificate)
			if err != nil {
				return nil, fmt.Errorf("reading certificate %d of %s: %w", row.ID, of.purpose, err)
			}
			all = append(all, voucher{c, of.role})
		}
	}
	return all, nil
}

// keep is how long phones may keep an answer that is given now.
func (v Voucher) keep(ctx context.Context, now time.Time) (time.Duration, error) {
	changed, err := v.Store.ListsChanged(ctx)
	if err != nil {
		return 0, err
	}
	announced, err := authority.Announced(ctx, v.Store)
	if err != nil {
		return 0, err
	}
	if len(announced) > 1 || now.Sub(changed) < listsAreNew {
		return keepInChange, nil
	}
	return keep, nil
}
