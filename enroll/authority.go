package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// keyLabel binds the sealed CAPF private key to its use.
const keyLabel = "capf private key"

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
	key, err := crypto.MarshalPrivateKey(a.Key)
	if err != nil {
		return fmt.Errorf("encoding the CAPF key: %w", err)
	}
	sealed, err := r.Sealer.Seal(keyLabel, key)
	if err != nil {
		return fmt.Errorf("sealing the CAPF key: %w", err)
	}
	id := store.Identity{SealedKey: sealed}
	for _, c := range a.Chain {
		id.Chain = append(id.Chain, c.Raw)
	}
	return r.Store.SaveIdentity(ctx, actor, id, onlyNew)
}

// Authority is the CAPF certificate with its key. It is checked each time: one
// that lacks an extension, has expired or does not match its key is refused
// with the reason (crypto.ErrUnfit). ErrNotReady when there is none.
func (r *Rules) Authority(ctx context.Context) (*crypto.Authority, error) {
	id, err := r.Store.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, withHint(ErrNotReady, "capf init makes it")
	}
	if err != nil {
		return nil, err
	}
	der, err := r.Sealer.Open(keyLabel, id.SealedKey)
	if err != nil {
		return nil, fmt.Errorf("opening the CAPF key: %w", err)
	}
	defer clear(der)
	key, err := crypto.ParsePrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF key: %w", err)
	}
	a, err := crypto.LoadAuthority(id.Chain, key, r.Now())
	if err != nil {
		return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
	}
	return a, nil
}
