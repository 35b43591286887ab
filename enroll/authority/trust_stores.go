package authority

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"capf/internal/apperr"
	"capf/store"
)

// TrustStores changes the trust stores for operators.
type TrustStores struct {
	Store *store.Store
	Now   func() time.Time
}

// Edit changes rows of the trust stores, all or none. It returns the changed rows,
// the outcome of each, and warnings. Errors: apperr.ErrRefused for uses that a
// certificate cannot have, store.ErrNotFound.
func (t TrustStores) Edit(ctx context.Context, actor store.Actor, rows []store.TrustCertificate, e store.TrustEdit) (after []store.TrustCertificate, outcomes []store.TrustOutcome, warnings []string, err error) {
	var ids []int64
	for _, row := range rows {
		ids = append(ids, row.ID)
		if e.For == nil {
			continue
		}
		if row.Purpose != store.CAPFTrust {
			return nil, nil, nil, apperr.WithHint(apperr.Refused("certificate %d is in %s: only those in %s vouch for anything here", row.ID, row.Purpose, store.CAPFTrust),
				"--purpose capf-trust, or its id there")
		}
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("reading trust certificate %d: %w", row.ID, err)
		}
		if err := checkUses(c, *e.For); err != nil {
			return nil, nil, nil, err
		}
		if err := t.checkOurs(ctx, c, *e.For); err != nil {
			return nil, nil, nil, err
		}
		if warning := unwiseUses(c, *e.For); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	after, outcomes, err = t.Store.EditTrusts(ctx, actor, ids, e)
	return after, outcomes, warnings, err
}

// Delete removes rows of the trust stores, all or none. store.ErrNotFound names the id
// that does not exist.
func (t TrustStores) Delete(ctx context.Context, actor store.Actor, ids ...int64) error {
	return t.Store.DeleteTrust(ctx, actor, ids...)
}
