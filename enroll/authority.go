package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// InitResult is what Init found or made.
type InitResult struct {
	Created     bool
	Certificate *x509.Certificate
	Fingerprint string // SHA-256, hexadecimal
}

// Init makes the CAPF certificate with its key when there is none, and leaves
// one that exists as it is. keyBits is an RSA size.
func (r *Rules) Init(ctx context.Context, actor store.Actor, name crypto.Name, keyBits int) (InitResult, error) {
	authority, err := r.Authority(ctx)
	if err == nil {
		return initResult(authority, false), nil
	}
	if !errors.Is(err, ErrNotReady) {
		return InitResult{}, err
	}
	authority, err = crypto.NewCAPF(r.Rand, name, keyBits, r.Now())
	if err != nil {
		return InitResult{}, fmt.Errorf("making the CAPF certificate: %w", err)
	}
	err = r.saveAuthority(ctx, actor, authority, true)
	if errors.Is(err, store.ErrConflict) { // another process was faster
		authority, err = r.Authority(ctx)
		return initResult(authority, false), err
	}
	return initResult(authority, true), err
}

func initResult(a *crypto.Authority, created bool) InitResult {
	if a == nil {
		return InitResult{}
	}
	return InitResult{created, a.Leaf(), crypto.Fingerprint(a.Leaf())}
}

func (r *Rules) saveAuthority(ctx context.Context, actor store.Actor, a *crypto.Authority, onlyNew bool) error {
	id, err := r.identity(a)
	if err != nil {
		return err
	}
	return r.Store.SaveIdentity(ctx, actor, id, onlyNew)
}

// identity is an authority with its key sealed, as it is kept.
func (r *Rules) identity(a *crypto.Authority) (id store.Identity, err error) {
	if id.SealedKey, err = secrets.SealCAPFKey(r.Sealer, a.Key); err != nil {
		return id, err
	}
	for _, c := range a.Chain {
		id.Chain = append(id.Chain, c.Raw)
	}
	return id, nil
}

// Authority is the CAPF certificate with its key. It is checked each time: one
// that lacks an extension, has expired or does not match its key is refused
// with the reason (crypto.ErrUnfit). ErrNotReady when there is none.
func (r *Rules) Authority(ctx context.Context) (*crypto.Authority, error) {
	key, id, err := secrets.CAPFKey(ctx, r.Store.Reader, r.Sealer)
	if err != nil {
		return nil, err
	}
	a, err := crypto.LoadAuthority(id.Chain, key, r.Now())
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	return a, nil
}

// Regenerate makes a new key and a new self-signed CAPF certificate, with the
// organisation of the present one unless a name is given. The present one goes
// to capf-trust, so that phones still authenticate with the LSCs that it
// signed. A running serve goes on with the old one until the service is
// restarted.
func (r *Rules) Regenerate(ctx context.Context, actor store.Actor, name *crypto.Name, keyBits int) (*crypto.Authority, error) {
	old, err := r.capfCertificate(ctx)
	if err != nil {
		return nil, err
	}
	if name == nil {
		present := crypto.NameOf(old)
		name = &present
	}
	a, err := crypto.NewCAPF(r.Rand, *name, keyBits, r.Now())
	if err != nil {
		return nil, fmt.Errorf("making the CAPF certificate: %w", err)
	}
	return a, r.saveAuthority(ctx, actor, a, false)
}

// capfCertificate is the CAPF certificate as it stands, fit or not.
func (r *Rules) capfCertificate(ctx context.Context) (*x509.Certificate, error) {
	chain, err := r.capfChain(ctx)
	if err != nil {
		return nil, err
	}
	return chain[0], nil
}

// capfChain is the CAPF certificate and those above it, fit or not.
func (r *Rules) capfChain(ctx context.Context) ([]*x509.Certificate, error) {
	id, err := r.Store.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, apperr.WithHint(ErrNotReady, "capf init makes it")
	}
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, der := range id.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// CAPFRequest is the PKCS#10 request (DER) with which a company CA can be asked
// to sign the CAPF certificate. It changes nothing and may be repeated; what
// comes back is for UploadChain.
func (r *Rules) CAPFRequest(ctx context.Context) ([]byte, error) {
	key, _, err := secrets.CAPFKey(ctx, r.Store.Reader, r.Sealer)
	if err != nil {
		return nil, err
	}
	c, err := r.capfCertificate(ctx)
	if err != nil {
		return nil, err
	}
	a := crypto.Authority{Chain: []*x509.Certificate{c}, Key: key}
	return a.Request()
}
