package authority

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"capf/crypto"
	"capf/enroll/lscs"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// usesByKind returns what a certificate in capf-trust vouches for unless the operator
// says otherwise: a manufacturer's CA for MICs; a company CA, which is uploaded once,
// for LSCs and the web server of the online CA; a web server's own certificate for
// itself.
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

// checkUses refuses uses that a certificate cannot have. A CAPF issues LSCs and
// nothing else; the uses ensure that nothing it signs passes for a MIC or for the web
// server of the online CA.
func checkUses(c *x509.Certificate, u store.Uses) error {
	name := crypto.DisplayName(c)
	switch {
	case u == 0:
		return apperr.Refused("%q has to vouch for something; what is not to be trusted is deleted", name)
	case u != store.ForHTTPS && !crypto.IsAnchorCA(c):
		return apperr.Refused("%q is not a CA, so it vouches for https only", name)
	case IsCAPFName(c) && u&(store.ForMIC|store.ForHTTPS) != 0:
		return apperr.Refused("%q is a CAPF certificate, which makes LSCs and vouches for neither mic nor https", name)
	case u.Has(store.ForMIC | store.ForForeignLSC):
		return apperr.Refused("%q cannot vouch for mic and foreign-lsc: the LSCs of another cluster would pass for MICs", name)
	}
	return nil
}

// checkOurs refuses any use but lsc for a CAPF certificate of our own. As another
// cluster's, it would admit LSCs that are not in the record, whatever
// accept_unrecorded_lsc says. Ours are those of the present key, and those whose LSCs
// are in the record.
func (t TrustStores) checkOurs(ctx context.Context, c *x509.Certificate, u store.Uses) error {
	if u == store.ForLSC {
		return nil
	}
	ours, err := t.ownCAPF(ctx, c)
	if err == nil && ours {
		err = apperr.Refused("%q is a CAPF certificate of our own, which vouches for lsc only", crypto.DisplayName(c))
	}
	return err
}

func (t TrustStores) ownCAPF(ctx context.Context, c *x509.Certificate) (bool, error) {
	present, err := Certificate(ctx, t.Store.Reader)
	if err != nil && !errors.Is(err, secrets.ErrNotReady) {
		return false, err
	}
	if err == nil && bytes.Equal(c.RawSubjectPublicKeyInfo, present.RawSubjectPublicKeyInfo) {
		return true, nil
	}
	if !IsCAPFName(c) {
		return false, nil
	}
	return t.hasIssued(ctx, c)
}

// isOurs reports whether a row may be a CAPF certificate of our own. One that vouches
// for lsc alone counts too: its last LSC may have left the record, and no other
// cluster's is uploaded so.
func (t TrustStores) isOurs(ctx context.Context, row store.TrustCertificate) (bool, error) {
	c, err := x509.ParseCertificate(row.Certificate)
	if err != nil {
		return false, nil
	}
	if row.For == store.ForLSC && IsCAPFName(c) {
		return true, nil
	}
	return t.ownCAPF(ctx, c)
}

// hasIssued reports whether the record has an LSC issued by the CA.
func (t TrustStores) hasIssued(ctx context.Context, ca *x509.Certificate) (bool, error) {
	for l, err := range t.Store.LSCs(ctx, store.LSCFilter{Issuer: ca.Subject.String(), Discarded: true}) {
		if err != nil {
			return false, err
		}
		if lscs.MayHaveIssued(ca, l) {
			return true, nil
		}
	}
	return false, nil
}

// unwiseUses returns a warning about an issuer of MICs that is not a known
// manufacturer's, or "".
func unwiseUses(c *x509.Certificate, u store.Uses) string {
	if !u.Has(store.ForMIC) || crypto.IsManufacturer(c) {
		return ""
	}
	return fmt.Sprintf("%q is not known as a manufacturer's: whatever it certifies with the name of a MIC authenticates that phone", crypto.DisplayName(c))
}

// IsCAPFName reports whether a certificate is some cluster's CAPF certificate:
// the form of its name is reserved for those.
func IsCAPFName(c *x509.Certificate) bool { return strings.Contains(c.Subject.CommonName, "CAPF-") }
