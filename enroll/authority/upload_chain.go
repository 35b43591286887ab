package authority

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// UploadedChain is what became of a CAPF certificate that a company CA has signed.
type UploadedChain struct {
	Authority *crypto.Authority
	Changed   bool // it was neither there nor prepared as it is now
	Prepared  bool // it is shown later
}

// UploadChain replaces the CAPF certificate with one that a company CA has signed.
// The files hold the new certificate and those above it, in any order. It must be for
// the CAPF key or that of the prepared certificate (see CAPF.Request), have the extensions
// of a CAPF certificate and be signed by the ones above it, of which the first may be in
// capf-trust instead. Of the options, only AcceptEKU and Strict count. apperr.ErrRefused
// says what is wrong. The previous certificate goes to capf-trust.
//
// Once there are trust lists, it is only prepared, and after says when it is to be shown:
// for phones, another certificate of the same key is another certificate. Only one whose
// chain alone is new takes its place at once, since lists do not carry that.
func (c CAPF) UploadChain(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions, after Delay) (UploadedChain, error) {
	certs, err := certificatesIn(files, o.Strict)
	if err != nil {
		return UploadedChain{}, err
	}
	to, err := c.places(ctx, certs)
	if err != nil {
		return UploadedChain{}, err
	}
	chain, err := crypto.ChainFor(certs, to.key.Public())
	if err != nil {
		return UploadedChain{}, apperr.Refused("%v", err)
	}
	a, err := crypto.LoadAuthority(raws(chain), to.key, c.Now())
	if err != nil {
		return UploadedChain{}, apperr.Refused("%v", err)
	}
	if err := c.knowIssuer(ctx, chain[len(chain)-1]); err != nil {
		return UploadedChain{}, err
	}
	if sameChain(to.present.Chain, raws(chain)) {
		return UploadedChain{Authority: a}, nil
	}
	if err := CheckPurposes(chain...); err != nil && !o.AcceptEKU {
		return UploadedChain{}, apperr.WithHint(err,
			"have it signed with clientAuth and serverAuth, or without extendedKeyUsage; --accept-eku takes it all the same")
	}
	changed, prepared, err := c.place(ctx, actor, to, raws(chain), after)
	return UploadedChain{a, changed, prepared}, err
}

func certificatesIn(files []UploadFile, strict bool) (certs []*x509.Certificate, err error) {
	for _, f := range files {
		some, err := f.certificates(strict)
		if err != nil {
			return nil, err
		}
		certs = append(certs, some...)
	}
	if len(certs) == 0 {
		return nil, apperr.Refused("there is no certificate in it")
	}
	return certs, nil
}

// chainPlace is whose place a chain takes.
type chainPlace struct {
	key      stdcrypto.Signer
	sealed   []byte
	present  store.Identity
	prepared *store.Prepared // nil: none
	ofOther  bool            // one with another key is prepared
}

// places finds the key that one of the certificates has: that of the prepared certificate
// or, if none of them has it, the CAPF key.
func (c CAPF) places(ctx context.Context, certs []*x509.Certificate) (to chainPlace, err error) {
	to.key, to.present, err = secrets.CAPFKey(ctx, c.Store.Reader, c.Sealer)
	to.sealed = to.present.SealedKey
	if err != nil {
		return to, err
	}
	key, p, err := secrets.PreparedKey(ctx, c.Store.Reader, c.Sealer)
	if errors.Is(err, store.ErrNotFound) {
		return to, nil
	}
	if err != nil {
		return to, err
	}
	to.prepared = &p
	isKey := func(c *x509.Certificate) bool { return crypto.SameKey(c.PublicKey, key.Public()) }
	switch {
	case slices.ContainsFunc(certs, isKey):
		to.key, to.sealed = key, p.SealedKey
	default:
		to.ofOther = !crypto.SameKey(to.key.Public(), key.Public())
	}
	return to, nil
}

// place stores a chain where it belongs.
func (c CAPF) place(ctx context.Context, actor store.Actor, to chainPlace, chain [][]byte, after Delay) (changed, prepared bool, err error) {
	p := to.prepared
	switch {
	case string(chain[0]) == string(to.present.Chain[0]) && after.Set():
		return false, false, apperr.WithHint(apperr.Refused("it is the CAPF certificate already, and only the chain above it is new, which is in force at once"), "run it without --after")
	case string(chain[0]) == string(to.present.Chain[0]):
		return true, false, c.Store.SaveIdentity(ctx, actor, store.Identity{Chain: chain, SealedKey: to.sealed}, false)
	case p == nil:
		prepared, err = c.install(ctx, actor, store.Identity{Chain: chain, SealedKey: to.sealed}, after)
		return true, prepared, err
	case to.ofOther:
		return false, false, apperr.WithHint(AlreadyPrepared(*p), "it has another key; capf cert regenerate capf --cancel gives it up")
	}
	next := store.Prepared{Chain: chain, SealedKey: to.sealed, ShownAfter: after.At, Span: after.Span}
	if string(chain[0]) == string(p.Chain[0]) {
		next.Span = 0
		if next.ShownAfter = p.ShownAfter; after.Set() {
			next.ShownAfter = after.From(p.Since).Truncate(time.Millisecond)
		}
		if sameChain(p.Chain, chain) && next.ShownAfter.Equal(p.ShownAfter) {
			return false, true, nil
		}
	}
	return true, true, c.Store.Prepare(ctx, actor, next, p.Chain[0])
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
