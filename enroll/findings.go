package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/crypto"
	"capf/store"
)

// Finding is something that an operator should know or do.
type Finding struct {
	Severity string // error or warning
	Text     string
	Hint     string
}

// endSoon is how long before its end the CAPF certificate is warned of: LSCs
// are cut to that end, so it is worth a year.
const endSoon = 365 * 24 * time.Hour

// micRoots are the manufacturer's roots that should not stay in
// callmanager-trust (the chapter's table of interactions).
var micRoots = []string{"CAP-RTP-001", "CAP-RTP-002", "Cisco Manufacturing CA", "Cisco_Manufacturing_CA", "Cisco Root CA 2048", "Cisco_Root_CA_2048"}

// Findings looks for what is wrong, the worst first.
func (r *Rules) Findings(ctx context.Context) ([]Finding, error) {
	var all []Finding
	for _, look := range []func(context.Context) ([]Finding, error){
		r.certificateFindings, r.serviceFindings, r.trustFindings, r.operationFindings, r.staleFindings,
	} {
		found, err := look(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return severity(a) - severity(b) })
	return all, nil
}

func severity(f Finding) int {
	if f.Severity == "error" {
		return 0
	}
	return 1
}

func (r *Rules) certificateFindings(ctx context.Context) ([]Finding, error) {
	id, err := r.Store.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return []Finding{{"error", "there is no CAPF certificate", "capf init makes it"}}, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(id.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	left := c.NotAfter.Sub(r.Now())
	switch {
	case left < 0:
		return []Finding{{"error", fmt.Sprintf("the CAPF certificate expired on %s", c.NotAfter.Format(time.DateOnly)), ""}}, nil
	case left < endSoon:
		return []Finding{{"warning", fmt.Sprintf("the CAPF certificate ends in %d days, and each new LSC with it", int(left.Hours()/24)), ""}}, nil
	}
	return nil, nil
}

func (r *Rules) serviceFindings(ctx context.Context) ([]Finding, error) {
	services, err := r.Store.Services(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		if s.Name == "capf" && !s.Active {
			return []Finding{{"error", "the service capf is deactivated", "capf service activate capf"}}, nil
		}
	}
	return nil, nil
}

func (r *Rules) trustFindings(ctx context.Context) ([]Finding, error) {
	rows, err := r.Store.Trust(ctx, store.CallManagerTrust)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, row := range rows {
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil || !slices.Contains(micRoots, c.Subject.CommonName) {
			continue
		}
		found = append(found, Finding{"warning", fmt.Sprintf("the MIC root %q is in callmanager-trust", c.Subject.CommonName),
			fmt.Sprintf("capf cert delete %s", crypto.Fingerprint(c)[:16])})
	}
	return found, nil
}

func (r *Rules) operationFindings(ctx context.Context) ([]Finding, error) {
	counts, err := r.Store.DeviceCounts(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if counts.Failed > 0 {
		found = append(found, Finding{"warning", fmt.Sprintf("the last operation of %s failed", plural(counts.Failed, "device")), "capf device list --failed"})
	}
	if counts.Late > 0 {
		found = append(found, Finding{"warning", fmt.Sprintf("%s did not complete the operation in time", plural(counts.Late, "device")), "capf device list --late"})
	}
	return found, nil
}

func (r *Rules) staleFindings(ctx context.Context) ([]Finding, error) {
	n, err := r.Store.CountLSCs(ctx, store.LSCFilter{State: store.LSCStale})
	if err != nil || n == 0 {
		return nil, err
	}
	return []Finding{{"warning", fmt.Sprintf("there are %s", plural(n, "stale LSC")), "capf stale-lsc list"}}, nil
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
