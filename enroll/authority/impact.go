package authority

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"

	"capf/crypto"
	"capf/enroll/lscs"
	"capf/enroll/settings"
	"capf/internal/plural"
	"capf/store"
)

// Impact says, a line for each, what phones lose when the trust stores no longer are
// as before but as after. It is for the moment before that happens.
func (t TrustStores) Impact(ctx context.Context, before, after []store.TrustCertificate) (lines []string, err error) {
	left := map[string]store.Uses{} // name and key → what still vouches for them
	for _, row := range after {
		if c, err := x509.ParseCertificate(row.Certificate); err == nil && row.Purpose == store.CAPFTrust {
			left[nameAndKey(c)] |= row.For
		}
	}
	if own, err := Certificate(ctx, t.Store.Reader); err == nil {
		left[nameAndKey(own)] |= store.ForLSC // an anchor for LSCs wherever it stands
	}
	said := map[string]bool{}
	for _, row := range before {
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil || row.Purpose != store.CAPFTrust || said[nameAndKey(c)] {
			continue
		}
		said[nameAndKey(c)] = true
		some, err := t.impactOf(ctx, c, row.For&^left[nameAndKey(c)])
		if err != nil {
			return nil, err
		}
		lines = append(lines, some...)
	}
	lines = append(lines, vouchedNoMore(before, after)...)
	online, err := t.onlineImpact(ctx, usesOf(before)&^usesOf(after))
	return append(lines, online...), err
}

// vouchedNoMore says for whom TVS no longer vouches.
func vouchedNoMore(before, after []store.TrustCertificate) (lines []string) {
	for _, row := range before {
		stays := slices.ContainsFunc(after, func(one store.TrustCertificate) bool { return trustKey(one) == trustKey(row) })
		switch {
		case stays:
		case row.Purpose == store.PhoneSASTTrust:
			lines = append(lines, fmt.Sprintf("TVS no longer vouches for %q: phones with our lists refuse those that it has signed", NameOfRow(row)))
		case row.Purpose == store.TVSTrust:
			lines = append(lines, fmt.Sprintf("TVS no longer vouches for the server %q", NameOfRow(row)))
		}
	}
	return lines
}

// ImpactOn is Impact for rows that are about to be edited or, without an edit, removed.
func (t TrustStores) ImpactOn(ctx context.Context, rows []store.TrustCertificate, e *store.TrustEdit) ([]string, error) {
	before, err := t.Store.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	var after []store.TrustCertificate
	for _, row := range before {
		chosen := slices.ContainsFunc(rows, func(one store.TrustCertificate) bool { return one.ID == row.ID })
		switch {
		case !chosen:
			after = append(after, row)
		case e != nil:
			after = append(after, e.Edited(row))
		}
	}
	return t.Impact(ctx, before, after)
}

// nameAndKey is what makes two certificates the same issuer.
func nameAndKey(c *x509.Certificate) string {
	return string(c.RawSubject) + string(c.RawSubjectPublicKeyInfo)
}

// impactOf says what phones lose when the certificate no longer vouches for the uses.
func (t TrustStores) impactOf(ctx context.Context, c *x509.Certificate, lost store.Uses) (lines []string, err error) {
	name := crypto.DisplayName(c)
	if lost&(store.ForLSC|store.ForForeignLSC) != 0 {
		n, err := t.holdersOf(ctx, c)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%s LSCs of %q and can no longer authenticate with them", phones(n, "holds", "hold"), name))
		}
	}
	if lost.Has(store.ForMIC) {
		n, by, err := t.micsUnder(ctx, c)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%s MICs under %q, which no longer count; %s by MIC", phones(n, "has", "have"), name, phones(by, "authenticates", "authenticate")))
		}
	}
	return lines, nil
}

// phones is their number with what they do.
func phones(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return plural.Of(n, "phone") + " " + many
}

// holdersOf counts the phones with an installed LSC that the CA has issued and that
// has not expired.
func (t TrustStores) holdersOf(ctx context.Context, ca *x509.Certificate) (n int, err error) {
	for l, err := range t.Store.LSCs(ctx, store.LSCFilter{Issuer: ca.Subject.String(), State: store.LSCInstalled}) {
		if err != nil {
			return 0, err
		}
		if l.DeviceID != 0 && t.Now().Before(l.NotAfter) && lscs.MayHaveIssued(ca, l) {
			n++
		}
	}
	return n, nil
}

// micsUnder counts the phones whose MIC the CA has issued, as far as they have sent it,
// and those of them that authenticate by it.
func (t TrustStores) micsUnder(ctx context.Context, ca *x509.Certificate) (n, by int, err error) {
	for m, err := range t.Store.DeviceMICs(ctx) {
		if err != nil {
			return 0, 0, err
		}
		mic, err := x509.ParseCertificate(m.Certificate)
		if err != nil || !bytes.Equal(mic.RawIssuer, ca.RawSubject) || !crypto.Issued(ca, mic) {
			continue
		}
		if n++; m.AuthMode == store.ByMICPrecedence {
			by++
		}
	}
	return n, by, nil
}

// onlineImpact says what the online CA loses, if there is one.
func (t TrustStores) onlineImpact(ctx context.Context, lost store.Uses) ([]string, error) {
	s, err := settings.Read(ctx, t.Store.Reader)
	if err != nil || s.Issuer != settings.IssuerOnline || lost&(store.ForHTTPS|store.ForLSC) == 0 {
		return nil, err
	}
	return []string{fmt.Sprintf("nothing in capf-trust will vouch for %s, which the online CA needs: no phone gets an LSC any more", lost&(store.ForHTTPS|store.ForLSC))}, nil
}
