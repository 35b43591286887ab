package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"capf/enroll/caready"
	"capf/enroll/settings"
	"capf/internal/plural"
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

// renew is the way to a CAPF certificate that lasts.
const renew = "capf cert regenerate capf, or capf cert csr capf for a company CA"

// Findings looks for what is wrong, the worst first. The devices have been
// counted already: that takes longer than all the rest.
func (r *Rules) Findings(ctx context.Context, devices store.DeviceCounts) ([]Finding, error) {
	operations := func(context.Context) ([]Finding, error) { return operationFindings(devices), nil }
	var all []Finding
	for _, look := range []func(context.Context) ([]Finding, error){
		r.certificateFindings, r.purposeFindings, r.spaceFindings, r.serviceFindings, r.onlineFindings, r.TrustFindings,
		operations, r.openJobFindings, r.jobFindings, r.operatorRenewals, r.directoryFindings, r.staleFindings, r.guessFindings,
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
		return []Finding{{"error", fmt.Sprintf("the CAPF certificate expired on %s", c.NotAfter.Format(time.DateOnly)), renew}}, nil
	case left < endSoon:
		return []Finding{{"warning", fmt.Sprintf("the CAPF certificate ends in %s, and each new LSC with it", plural.Of(int(left.Hours()/24), "day")), renew}}, nil
	}
	return nil, nil
}

func (r *Rules) serviceFindings(ctx context.Context) ([]Finding, error) {
	services, err := r.Store.Services(ctx)
	if err != nil {
		return nil, err
	}
	inForce, err := r.Settings(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, s := range services {
		if s.Active {
			continue
		}
		switch {
		case s.Name == "capf":
			found = append(found, Finding{"error", "the service capf is deactivated: no phone is served", "capf service activate capf"})
		case s.Name == caready.Service && inForce.Issuer == settings.IssuerOnline:
			found = append(found, Finding(caready.Inactive()))
		}
	}
	return found, nil
}

// TrustFindings looks for what should not stand in the trust stores.
func (r *Rules) TrustFindings(ctx context.Context) ([]Finding, error) {
	roots, err := r.MICRoots(ctx, store.CallManagerTrust)
	if err != nil {
		return nil, err
	}
	var found []Finding
	switch len(roots) {
	case 0:
	case 1:
		found = append(found, Finding{"warning", fmt.Sprintf("the MIC root %s is in callmanager-trust", commonName(roots[0])), removeMICRoots})
	default:
		var names []string
		for _, root := range roots {
			names = append(names, commonName(root))
		}
		found = append(found, Finding{"warning", "MIC roots are in callmanager-trust: " + strings.Join(names, ", "), removeMICRoots})
	}
	rows, err := r.Store.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	var over int64
	for _, row := range rows {
		if r.Now().After(row.NotAfter) {
			over++
		}
		if row.Undecided {
			found = append(found, undecided(row))
		}
	}
	if over > 0 {
		found = append(found, Finding{"warning", plural.Of(over, "certificate") + " in the trust stores expired", "capf cert list"})
	}
	return found, nil
}

const removeMICRoots = "capf cert delete --mic-roots --purpose callmanager-trust"

// undecided is about a certificate of which the update could only guess what it
// is to vouch for.
func undecided(row store.TrustCertificate) Finding {
	f := Finding{"warning", fmt.Sprintf("%s (certificate %d of %s) vouches for %s since the update, as phones have shown such certificates: is it meant to?",
		commonName(row), row.ID, row.Purpose, strings.Join(row.For.Names(), ", ")), fmt.Sprintf("capf cert set %d --for %s, without what it is not meant for", row.ID, row.For)}
	if row.For == 0 {
		f.Text = fmt.Sprintf("certificate %d of %s cannot be read, so it vouches for nothing", row.ID, row.Purpose)
		f.Hint = fmt.Sprintf("capf cert delete %d", row.ID)
	}
	return f
}

// commonName is what people call a certificate of a trust store.
func commonName(row store.TrustCertificate) string {
	c, err := x509.ParseCertificate(row.Certificate)
	if err != nil || c.Subject.CommonName == "" {
		return row.Subject
	}
	return c.Subject.CommonName
}

func operationFindings(counts store.DeviceCounts) (found []Finding) {
	if counts.Failed > 0 {
		found = append(found, Finding{"warning", fmt.Sprintf("the last operation of %s failed", plural.Of(counts.Failed, "device")), "capf device list --failed"})
	}
	if counts.Late > 0 {
		found = append(found, Finding{"warning", fmt.Sprintf("%s did not complete the operation in time", plural.Of(counts.Late, "device")), "capf device list --late"})
	}
	return found
}

func (r *Rules) staleFindings(ctx context.Context) ([]Finding, error) {
	n, err := r.Store.CountLSCs(ctx, store.LSCFilter{State: store.LSCStale})
	if err != nil || n == 0 {
		return nil, err
	}
	return []Finding{{"warning", plural.Of(n, "stale LSC"), "capf stale-lsc list"}}, nil
}

// onlineFindings are what is missing of an online CA that is in use.
func (r *Rules) onlineFindings(ctx context.Context) ([]Finding, error) {
	inForce, err := r.Settings(ctx)
	if err != nil || inForce.Issuer != settings.IssuerOnline {
		return nil, err
	}
	var found []Finding
	missing, err := caready.Missing(ctx, r.Store.Reader)
	for _, lack := range missing {
		found = append(found, Finding(lack))
	}
	return found, err
}
