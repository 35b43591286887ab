package health

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/internal/plural"
	"capf/store"
)

// purposeFindings looks for issuers whose extendedKeyUsage makes LSCs useless.
func (x examination) purposeFindings(ctx context.Context) ([]Finding, error) {
	chain, err := authority.Chain(ctx, x.Reader)
	if errors.Is(err, secrets.ErrNotReady) {
		return nil, nil // certificateFindings reports it
	}
	if err != nil {
		return nil, err
	}
	var found []Finding
	if err := authority.CheckPurposes(chain...); err != nil {
		found = append(found, warning(ChainPurpose, "the chain of the CAPF certificate: "+err.Error(), "have it signed again: capf cert csr capf"))
	}
	trusted, err := authority.Trusted(ctx, x.Reader, store.ForLSC)
	if err != nil {
		return nil, err
	}
	for _, c := range trusted {
		if err := authority.CheckPurposes(c); err != nil {
			found = append(found, warning(TrustPurpose, "capf-trust: "+err.Error(), "have it issued with clientAuth and serverAuth or without extendedKeyUsage; if no LSC is below it: capf cert set ID --for https").of(crypto.Fingerprint(c)))
		}
	}
	return found, nil
}

// endSoon is how long before the CAPF certificate expires the warning
// begins: a year, since LSCs are cut to its end.
const endSoon = 365 * 24 * time.Hour

// renew is the hint for getting a CAPF certificate that lasts longer.
const renew = "capf cert regenerate capf, or capf cert csr capf for a company CA"

func (x examination) certificateFindings(ctx context.Context) ([]Finding, error) {
	id, err := x.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return []Finding{severe(NoCertificate, "there is no CAPF certificate", "capf init makes it")}, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(id.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	hint := renew
	if p, _, err := authority.PreparedNow(ctx, x.Reader); err == nil && p != nil {
		hint = "the one that is prepared takes its place: capf cert regenerate capf --yes shows it now"
	}
	left := c.NotAfter.Sub(x.now)
	switch {
	case left < 0:
		return []Finding{severe(CertificateEnded, fmt.Sprintf("the CAPF certificate expired on %s", c.NotAfter.Format(time.DateOnly)), hint)}, nil
	case left < endSoon:
		f := warning(CertificateEnds, fmt.Sprintf("the CAPF certificate ends in %s, and each new LSC with it", plural.Of(int(left.Hours()/24), "day")), hint)
		f.Ends = c.NotAfter
		return []Finding{f}, nil
	}
	return nil, nil
}
