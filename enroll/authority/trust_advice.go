package authority

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// Need is a certificate that belongs in a trust store.
type Need struct {
	Role        string // CA root or HTTPS certificate
	Certificate *x509.Certificate
	Purpose     store.Purpose
	For         store.Uses // what it has to vouch for there
	Present     bool       // it is there and vouches for that
	Unfit       string     // why an upload of it would be refused
	ID          int64      // its row, if it is there but does not vouch for all of that
	Has         store.Uses // what it vouches for instead
}

// TrustAdvice says which certificates of an online CA belong in which trust
// store.
type TrustAdvice struct {
	Scenario int    // row of the vendor's table of upload scenarios, 1 to 4
	Text     string // the scenario in words
	Needs    []Need
	Notes    []string // what else to know
}

// Missing returns the needs that are not met yet.
func (a TrustAdvice) Missing() []Need {
	var missing []Need
	for _, n := range a.Needs {
		if !n.Present {
			missing = append(missing, n)
		}
	}
	return missing
}

// Advise says which of the vendor's four upload scenarios (the chapter's table
// 2) applies to a CA. The first of ca must be its root and may be followed by
// intermediates; the first of https must be the certificate of its web server
// and may be followed by the others that the server sends. Errors:
// apperr.ErrValue.
//
// The CA root belongs in both trust stores: phones and the call server check
// LSCs against it. The HTTPS certificate belongs in capf-trust only when the
// root does not vouch for it.
func (t TrustStores) Advise(ctx context.Context, ca, https []*x509.Certificate) (TrustAdvice, error) {
	if len(ca) == 0 || len(https) == 0 {
		return TrustAdvice{}, apperr.BadValue("the root of the CA and the certificate of its web server are needed")
	}
	root, leaf := ca[0], https[0]
	a := TrustAdvice{}
	a.Scenario, a.Text, a.Notes = scenario(root, leaf, slices.Concat(ca[1:], https[1:]), t.Now())
	a.Needs = []Need{
		{Role: "CA root", Certificate: root, Purpose: store.CAPFTrust, For: store.ForLSC | store.ForHTTPS},
		{Role: "CA root", Certificate: root, Purpose: store.CallManagerTrust},
	}
	if a.Scenario == 4 {
		a.Needs[0].For = store.ForLSC
		a.Needs = append(a.Needs, Need{Role: "HTTPS certificate", Certificate: leaf, Purpose: store.CAPFTrust, For: store.ForHTTPS})
	}
	rows, err := t.Store.Trust(ctx, "")
	if err != nil {
		return TrustAdvice{}, err
	}
	have := map[string]store.TrustCertificate{}
	for _, row := range rows {
		have[string(row.Purpose)+string(row.Fingerprint)] = row
	}
	for i := range a.Needs {
		n := &a.Needs[i]
		row, is := have[string(n.Purpose)+string(crypto.RawFingerprint(n.Certificate.Raw))]
		if n.Present = is && row.For.Has(n.For); is && !n.Present {
			n.ID, n.Has = row.ID, row.For
		}
		if err := crypto.CheckTrust(n.Certificate, crypto.Purpose(n.Purpose), false, t.Now()); err != nil {
			n.Unfit = err.Error()
		}
	}
	for _, c := range ca[1:] {
		a.Notes = append(a.Notes, fmt.Sprintf("if %q signs the LSCs, it belongs into both trust stores too", c.Subject.CommonName))
	}
	return a, nil
}

func scenario(root, leaf *x509.Certificate, between []*x509.Certificate, now time.Time) (number int, text string, notes []string) {
	if leaf.Equal(root) {
		return 1, "the CA root and the HTTPS certificate are the same", nil
	}
	anchor := []*x509.Certificate{root}
	if _, err := crypto.VerifyPath(leaf, anchor, nil, now, crypto.PathOptions{AllowExpired: true}); err == nil {
		return 2, "the CA root has issued the HTTPS certificate", expired(leaf, now)
	}
	path, err := crypto.VerifyPath(leaf, anchor, between, now, crypto.PathOptions{AllowExpired: true})
	if err == nil {
		return 3, fmt.Sprintf("the CA root vouches for the HTTPS certificate through %q", path[1].Subject.CommonName),
			append(expired(leaf, now), fmt.Sprintf("the CA's web server has to send %q along, else upload it to capf-trust too", path[1].Subject.CommonName))
	}
	notes = expired(leaf, now)
	if string(leaf.RawIssuer) != string(leaf.RawSubject) {
		notes = append(notes, fmt.Sprintf("if an intermediate CA %q stands between the two, add its certificate to the file", leaf.Issuer.String()))
	}
	return 4, "the CA root does not vouch for the HTTPS certificate: " + err.Error(), notes
}

func expired(leaf *x509.Certificate, now time.Time) []string {
	if now.After(leaf.NotAfter) {
		return []string{fmt.Sprintf("the HTTPS certificate expired on %s", leaf.NotAfter.Format(time.DateOnly))}
	}
	return nil
}
