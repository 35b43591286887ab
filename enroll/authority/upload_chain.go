package authority

import (
	"context"
	"crypto/x509"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// UploadChain replaces the CAPF certificate with one that a company CA has signed.
// The files hold the new certificate and those above it, in any order. It must be for
// the CAPF key (see CAPF.Request), have the extensions of a CAPF certificate and be
// signed by the ones above it, of which the first may be in capf-trust instead. Of
// the options, only AcceptEKU and Strict count. apperr.ErrRefused says what is wrong. The
// previous certificate goes to capf-trust. changed is false when the new certificate
// is the CAPF certificate already.
func (c CAPF) UploadChain(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) (a *crypto.Authority, changed bool, err error) {
	var certs []*x509.Certificate
	for _, f := range files {
		some, err := f.certificates(o.Strict)
		if err != nil {
			return nil, false, err
		}
		certs = append(certs, some...)
	}
	if len(certs) == 0 {
		return nil, false, apperr.Refused("there is no certificate in it")
	}
	key, present, err := secrets.CAPFKey(ctx, c.Store.Reader, c.Sealer)
	if err != nil {
		return nil, false, err
	}
	chain, err := crypto.ChainFor(certs, key.Public())
	if err != nil {
		return nil, false, apperr.Refused("%v", err)
	}
	a, err = crypto.LoadAuthority(raws(chain), key, c.Now())
	if err != nil {
		return nil, false, apperr.Refused("%v", err)
	}
	if err := c.knowIssuer(ctx, chain[len(chain)-1]); err != nil {
		return nil, false, err
	}
	if sameChain(present.Chain, raws(chain)) {
		return a, false, nil
	}
	if err := CheckPurposes(chain...); err != nil && !o.AcceptEKU {
		return nil, false, apperr.WithHint(err,
			"have it signed with clientAuth and serverAuth, or without extendedKeyUsage; --accept-eku takes it all the same")
	}
	return a, true, c.Store.SaveIdentity(ctx, actor, store.Identity{Chain: raws(chain), SealedKey: present.SealedKey}, false)
}

// knowIssuer refuses a chain that ends below its root and whose last issuer
// is not in capf-trust: its last signature cannot be checked.
func (c CAPF) knowIssuer(ctx context.Context, last *x509.Certificate) error {
	if string(last.RawIssuer) == string(last.RawSubject) {
		return nil
	}
	anchors, err := Trusted(ctx, c.Store.Reader, store.ForLSC)
	if err != nil {
		return err
	}
	_, err = crypto.VerifyPath(last, anchors, nil, c.Now(), crypto.PathOptions{})
	if err == nil {
		return nil
	}
	return apperr.WithHint(apperr.Refused("the chain ends with %q, whose issuer is neither in the upload nor in capf-trust: %v", last.Subject.CommonName, err),
		"upload the whole chain, or the CA first: capf cert upload ca.pem --purpose capf-trust")
}

func raws(certs []*x509.Certificate) [][]byte {
	var ders [][]byte
	for _, c := range certs {
		ders = append(ders, c.Raw)
	}
	return ders
}

func sameChain(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if string(a[i]) != string(b[i]) {
			return false
		}
	}
	return true
}
