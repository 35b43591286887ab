package authority

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"

	"capf/crypto"
	"capf/store"
)

// Issuers are the certificates that have signed the LSCs in phones, for servers
// that verify these.
type Issuers struct {
	// Chain holds the CAPF certificate, the one that is prepared, and the earlier ones
	// whose LSCs phones may still have, each followed by the CAs above it that are known here.
	Chain []*x509.Certificate
	// Unknown are CAPF certificates that are in no trust store although a phone
	// has an LSC of theirs.
	Unknown []store.IssuerCount
	// Open are certificates of Chain whose issuer is not known here.
	Open []*x509.Certificate
}

// FindIssuers collects the issuers of the LSCs that phones may have. The error is
// secrets.ErrNotReady when there is no CAPF certificate.
func FindIssuers(ctx context.Context, s *store.Reader) (Issuers, error) {
	own, err := Chain(ctx, s)
	if err != nil {
		return Issuers{}, err
	}
	trusted, err := Trusted(ctx, s, store.ForLSC)
	if err != nil {
		return Issuers{}, err
	}
	counts, err := s.LSCIssuers(ctx)
	if err != nil {
		return Issuers{}, err
	}
	var all Issuers
	above := slices.Concat(own[1:], trusted)
	all.add(own[0], above)
	prepared, err := PreparedChain(ctx, s)
	if err != nil {
		return Issuers{}, err
	}
	if len(prepared) > 0 { // it signs the next LSCs, and servers should know it by then
		all.add(prepared[0], slices.Concat(prepared[1:], above))
	}
	for _, count := range counts {
		// A CAPF certificate that a company CA has signed has the name and the key
		// of the self-signed one before it, but perhaps another key identifier, by
		// which OpenSSL tells the two apart. So both are needed.
		found := count.Issuer == own[0].Subject.String()
		for _, c := range trusted {
			if IsCAPFName(c) && c.Subject.String() == count.Issuer {
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

// add adds a certificate and those above it.
func (a *Issuers) add(c *x509.Certificate, above []*x509.Certificate) {
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
