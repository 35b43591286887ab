package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"capf/crypto"
	"capf/store"
)

// CAPFCertificates is what has signed LSCs that phones have, for those who
// verify them.
type CAPFCertificates struct {
	// Chain is the CAPF certificate, the earlier ones of which a phone may still
	// have an LSC, and after each the CAs above it as far as they are known here.
	Chain []*x509.Certificate
	// Unknown are CAPF certificates of which a phone has an LSC and which are in
	// no store any more.
	Unknown []store.IssuerCount
	// Open are certificates of Chain whose issuer is not known here.
	Open []*x509.Certificate
}

// CAPFCertificates collects them. ErrNotReady when there is none.
func (r *Rules) CAPFCertificates(ctx context.Context) (CAPFCertificates, error) {
	own, err := r.capfChain(ctx)
	if err != nil {
		return CAPFCertificates{}, err
	}
	trusted, err := r.trusted(ctx, store.ForLSC)
	if err != nil {
		return CAPFCertificates{}, err
	}
	counts, err := r.Store.LSCIssuers(ctx)
	if err != nil {
		return CAPFCertificates{}, err
	}
	var all CAPFCertificates
	above := slices.Concat(own[1:], trusted)
	all.add(own[0], above)
	for _, count := range counts {
		// One that a company CA has signed has the name and the key of the
		// self-signed one before it, but maybe another key identifier, by which
		// OpenSSL tells the two apart. So both are needed.
		found := count.Issuer == own[0].Subject.String()
		for _, c := range trusted {
			if isCAPFName(c) && c.Subject.String() == count.Issuer {
				all.add(c, above)
				found = true
			}
		}
		if !found && strings.Contains(count.Issuer, "CN=CAPF-") {
			all.Unknown = append(all.Unknown, count)
		}
	}
	return all, nil
}

// add takes a certificate in, and those above it.
func (a *CAPFCertificates) add(c *x509.Certificate, above []*x509.Certificate) {
	for !slices.ContainsFunc(a.Chain, c.Equal) {
		a.Chain = append(a.Chain, c)
		if crypto.Issued(c, c) {
			return
		}
		i := slices.IndexFunc(above, func(issuer *x509.Certificate) bool { return crypto.Issued(issuer, c) })
		if i < 0 {
			a.Open = append(a.Open, c)
			return
		}
		c = above[i]
	}
}

// purposeFindings looks for issuers whose extendedKeyUsage makes LSCs useless.
func (r *Rules) purposeFindings(ctx context.Context) ([]Finding, error) {
	chain, err := r.capfChain(ctx)
	if errors.Is(err, ErrNotReady) {
		return nil, nil // certificateFindings tells of it
	}
	if err != nil {
		return nil, err
	}
	var found []Finding
	if err := checkPurposes(chain...); err != nil {
		found = append(found, Finding{"warning", "the chain of the CAPF certificate: " + err.Error(), "have it signed anew: capf cert csr capf"})
	}
	trusted, err := r.trusted(ctx, store.ForLSC)
	if err != nil {
		return nil, err
	}
	for _, c := range trusted {
		if err := checkPurposes(c); err != nil {
			found = append(found, Finding{"warning", "capf-trust: " + err.Error(), "have it issued with clientAuth and serverAuth or without extendedKeyUsage; if no LSC is below it: capf cert set ID --for https"})
		}
	}
	return found, nil
}
