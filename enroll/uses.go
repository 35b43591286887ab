package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// trusted are the certificates in capf-trust that vouch for one of the uses.
func (r *Rules) trusted(ctx context.Context, uses store.Uses) ([]*x509.Certificate, error) {
	rows, err := r.Store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, row := range rows {
		if row.For&uses == 0 {
			continue
		}
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of capf-trust: %w", err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// anchors are the certificates to which one that a phone shows must chain: those
// of capf-trust that vouch for one of the uses and, for LSCs, the CAPF
// certificate, which vouches for nothing else.
func (r *Rules) anchors(ctx context.Context, uses store.Uses) ([]*x509.Certificate, error) {
	trusted, err := r.trusted(ctx, uses)
	if err != nil || !uses.Has(store.ForLSC) {
		return trusted, err
	}
	capf, err := r.capfCertificate(ctx)
	if err != nil {
		return nil, err
	}
	return append([]*x509.Certificate{capf}, trusted...), nil
}

// usesByKind is what a certificate for capf-trust vouches for when nobody says:
// a manufacturer's for MICs; a company's CA, which is uploaded once, for LSCs
// and the web server of the online CA; a web server's own for itself.
func usesByKind(c *x509.Certificate, foreignCAPF bool) store.Uses {
	switch {
	case foreignCAPF:
		return store.ForForeignLSC
	case crypto.IsManufacturer(c):
		return store.ForMIC
	case !crypto.IsAnchorCA(c):
		return store.ForHTTPS
	}
	return store.ForLSC | store.ForHTTPS
}

// uses are what a certificate vouches for after an upload; have is the row of
// one that is there.
func (o UploadOptions) uses(c *x509.Certificate, have store.TrustCertificate, is bool) store.Uses {
	switch {
	case o.For != 0:
		return o.For
	case is && o.ForeignCAPF:
		return have.For | store.ForForeignLSC
	case is:
		return have.For
	}
	return usesByKind(c, o.ForeignCAPF)
}

// checkUses refuses what a certificate cannot vouch for. A CAPF makes LSCs and
// nothing else: one of them that passed for a MIC or for the online CA's web
// server would be the attack that uses exist against.
func checkUses(c *x509.Certificate, u store.Uses) error {
	name := crypto.DisplayName(c)
	switch {
	case u == 0:
		return apperr.Refused("%q has to vouch for something; what is not to be trusted is deleted", name)
	case u != store.ForHTTPS && !crypto.IsAnchorCA(c):
		return apperr.Refused("%q is not a CA, so it vouches for https only", name)
	case isCAPFName(c) && u&(store.ForMIC|store.ForHTTPS) != 0:
		return apperr.Refused("%q is a CAPF certificate, which makes LSCs and vouches for neither mic nor https", name)
	case u.Has(store.ForMIC | store.ForForeignLSC):
		return apperr.Refused("%q cannot vouch for mic and foreign-lsc: the LSCs of another cluster would pass for MICs", name)
	}
	return nil
}

// checkOurs refuses everything but lsc for a CAPF certificate of our own: as another
// cluster's it would let in what the record does not know, whatever
// accept_unrecorded_lsc says. Ours are that of the present key, and each that the
// record has LSCs of.
func (r *Rules) checkOurs(ctx context.Context, c *x509.Certificate, u store.Uses) error {
	if u == store.ForLSC {
		return nil
	}
	present, err := r.capfCertificate(ctx)
	if err != nil && !errors.Is(err, ErrNotReady) {
		return err
	}
	ours := err == nil && bytes.Equal(c.RawSubjectPublicKeyInfo, present.RawSubjectPublicKeyInfo)
	if !ours && isCAPFName(c) {
		if ours, err = r.hasIssued(ctx, c); err != nil {
			return err
		}
	}
	if ours {
		return apperr.Refused("%q is a CAPF certificate of our own, which vouches for lsc only", crypto.DisplayName(c))
	}
	return nil
}

// hasIssued says whether the record has an LSC of a CA.
func (r *Rules) hasIssued(ctx context.Context, ca *x509.Certificate) (bool, error) {
	for l, err := range r.Store.LSCs(ctx, store.LSCFilter{Issuer: ca.Subject.String(), Discarded: true}) {
		if err != nil {
			return false, err
		}
		if mayHaveIssued(ca, l) {
			return true, nil
		}
	}
	return false, nil
}

// unwiseUses warns of what is allowed, "" when there is nothing to warn of.
func unwiseUses(c *x509.Certificate, u store.Uses) string {
	if !u.Has(store.ForMIC) || crypto.IsManufacturer(c) {
		return ""
	}
	return fmt.Sprintf("%q is not known as a manufacturer's: whatever it certifies with the name of a MIC authenticates that phone", crypto.DisplayName(c))
}

// EditTrust changes rows of the trust stores, all or none. It returns them as
// they stand then, with what became of each, and warnings. Errors: apperr.ErrRefused
// for uses that a certificate cannot have, store.ErrNotFound.
func (r *Rules) EditTrust(ctx context.Context, actor store.Actor, rows []store.TrustCertificate, e store.TrustEdit) (after []store.TrustCertificate, outcomes []store.TrustOutcome, warnings []string, err error) {
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
		if err := r.checkOurs(ctx, c, *e.For); err != nil {
			return nil, nil, nil, err
		}
		if warning := unwiseUses(c, *e.For); warning != "" {
			warnings = append(warnings, warning)
		}
	}
	after, outcomes, err = r.Store.EditTrusts(ctx, actor, ids, e)
	return after, outcomes, warnings, err
}

// isCAPFName says whether a certificate is some cluster's CAPF certificate: its
// name is reserved for those.
func isCAPFName(c *x509.Certificate) bool { return strings.Contains(c.Subject.CommonName, "CAPF-") }
