package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/store"
)

// CAPF makes, stores and loads the CAPF certificate with its key.
type CAPF struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Rand   io.Reader
}

// UsualKeyBits is the size of a CAPF key unless another was asked for.
const UsualKeyBits = 2048

// InitResult is what Init found or made.
type InitResult struct {
	Created     bool
	Certificate *x509.Certificate
	Fingerprint string // SHA-256, hexadecimal
}

// Init makes the CAPF certificate with its key when there is none. It leaves an
// existing one alone. keyBits is an RSA size.
func (c CAPF) Init(ctx context.Context, actor store.Actor, name crypto.Name, keyBits int) (InitResult, error) {
	a, err := c.Load(ctx)
	if err == nil {
		return initResult(a, false), nil
	}
	if !errors.Is(err, secrets.ErrNotReady) {
		return InitResult{}, err
	}
	a, err = crypto.NewCAPF(c.Rand, name, keyBits, c.Now())
	if err != nil {
		return InitResult{}, fmt.Errorf("making the CAPF certificate: %w", err)
	}
	id, err := c.identity(a)
	if err != nil {
		return InitResult{}, err
	}
	err = c.Store.SaveIdentity(ctx, actor, id, true)
	if errors.Is(err, store.ErrConflict) { // another process was faster
		a, err = c.Load(ctx)
		return initResult(a, false), err
	}
	return initResult(a, true), err
}

func initResult(a *crypto.Authority, created bool) InitResult {
	if a == nil {
		return InitResult{}
	}
	return InitResult{created, a.Leaf(), crypto.Fingerprint(a.Leaf())}
}

// identity returns the authority as the store keeps it, with the key
// sealed.
func (c CAPF) identity(a *crypto.Authority) (id store.Identity, err error) {
	if id.SealedKey, err = secrets.SealCAPFKey(c.Sealer, a.Key); err != nil {
		return id, err
	}
	for _, c := range a.Chain {
		id.Chain = append(id.Chain, c.Raw)
	}
	return id, nil
}

// Load does what the function Load does.
func (c CAPF) Load(ctx context.Context) (*crypto.Authority, error) {
	return Load(ctx, c.Store.Reader, c.Sealer, c.Now())
}

// Load returns the CAPF certificate with its key, to sign LSCs and to serve TLS. It
// is checked each time: a certificate that lacks an extension, has expired or does
// not match its key is refused with the reason (crypto.ErrUnsuitable). The error is
// secrets.ErrNotReady when there is none.
func Load(ctx context.Context, s *store.Reader, sealer *crypto.Sealer, now time.Time) (*crypto.Authority, error) {
	key, id, err := secrets.CAPFKey(ctx, s, sealer)
	if err != nil {
		return nil, err
	}
	a, err := crypto.LoadAuthority(id.Chain, key, now)
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	return a, nil
}

// Regenerate makes a new key and a new self-signed CAPF certificate, with the
// organization of the present one if name is nil. keyBits is an RSA size. The present
// certificate moves to capf-trust, so that phones still authenticate with the LSCs
// that it signed. A running serve uses the old one until the service restarts.
//
// Once there are trust lists, the new certificate is only prepared, and after says when
// it is to be shown. One that is prepared already is not replaced: apperr.ErrRefused.
func (c CAPF) Regenerate(ctx context.Context, actor store.Actor, name *crypto.Name, keyBits int, after Delay) (a *crypto.Authority, prepared bool, err error) {
	old, err := Certificate(ctx, c.Store.Reader)
	if err != nil {
		return nil, false, err
	}
	if p, _, err := PreparedNow(ctx, c.Store.Reader); err != nil || p != nil {
		if err == nil {
			err = AlreadyPrepared(*p)
		}
		return nil, false, err
	}
	if name == nil {
		present := crypto.NameOf(old)
		name = &present
	}
	a, err = crypto.NewCAPF(c.Rand, *name, keyBits, c.Now())
	if err != nil {
		return nil, false, fmt.Errorf("making the CAPF certificate: %w", err)
	}
	id, err := c.identity(a)
	if err != nil {
		return nil, false, err
	}
	prepared, err = c.install(ctx, actor, id, after)
	return a, prepared, err
}

// Request returns the PKCS#10 request (DER) that asks a company CA to sign the CAPF
// certificate: the prepared one, if there is one, since that is the next to be shown. It
// changes nothing. UploadChain takes the answer.
func (c CAPF) Request(ctx context.Context) (der []byte, prepared bool, err error) {
	key, p, err := secrets.PreparedKey(ctx, c.Store.Reader, c.Sealer)
	chain := p.Chain
	if prepared = err == nil; errors.Is(err, store.ErrNotFound) {
		var id store.Identity
		key, id, err = secrets.CAPFKey(ctx, c.Store.Reader, c.Sealer)
		chain = id.Chain
	}
	if err != nil {
		return nil, prepared, err
	}
	certificates, err := parsed(chain[:1], "the CAPF certificate")
	if err != nil {
		return nil, prepared, err
	}
	a := crypto.Authority{Chain: certificates, Key: key}
	der, err = a.Request()
	return der, prepared, err
}
