package enroll

import (
	"context"
	"errors"

	"capf/enroll/authority"
	"capf/store"
)

// purposeFindings looks for issuers whose extendedKeyUsage makes LSCs useless.
func (r *Rules) purposeFindings(ctx context.Context) ([]Finding, error) {
	chain, err := authority.Chain(ctx, r.Store.Reader)
	if errors.Is(err, ErrNotReady) {
		return nil, nil // certificateFindings tells of it
	}
	if err != nil {
		return nil, err
	}
	var found []Finding
	if err := authority.CheckPurposes(chain...); err != nil {
		found = append(found, Finding{"warning", "the chain of the CAPF certificate: " + err.Error(), "have it signed anew: capf cert csr capf"})
	}
	trusted, err := authority.Trusted(ctx, r.Store.Reader, store.ForLSC)
	if err != nil {
		return nil, err
	}
	for _, c := range trusted {
		if err := authority.CheckPurposes(c); err != nil {
			found = append(found, Finding{"warning", "capf-trust: " + err.Error(), "have it issued with clientAuth and serverAuth or without extendedKeyUsage; if no LSC is below it: capf cert set ID --for https"})
		}
	}
	return found, nil
}
