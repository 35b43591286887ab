package lists

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// ErrNone says that there are no keys for trust lists, and so no lists.
var ErrNone = errors.New("there are no keys for trust lists yet")

// Keys are those whose certificates stand in lists as SAST.
type Keys struct {
	Signer Key
	Spare  *Key // the next one to sign; nil when there is none
}

// Key is a SAST.
type Key struct {
	Certificate *x509.Certificate
	Key         stdcrypto.Signer
}

// Exist says whether there are lists: whether keys for them were made or imported.
func Exist(ctx context.Context, s *store.Reader) (bool, error) { return s.ListsExist(ctx) }

// LoadKeys opens the keys of lists. The error is ErrNone when there are none.
func LoadKeys(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (keys Keys, err error) {
	signing, err := signing(ctx, s)
	if err != nil {
		return keys, err
	}
	if keys.Signer, err = open(sealer, signing.Signer); err != nil || !signing.HasSpare() {
		return keys, err
	}
	spare, err := open(sealer, signing.Spare)
	keys.Spare = &spare
	return keys, err
}

// signing is what the store knows of the keys; ErrNone.
func signing(ctx context.Context, s *store.Reader) (store.ListSigning, error) {
	l, err := s.ListSigning(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return l, apperr.WithHint(ErrNone, "capf trust-list init makes them")
	}
	return l, err
}

func open(sealer *crypto.Sealer, k store.ListKey) (Key, error) {
	key, err := secrets.ListKey(sealer, k)
	if err != nil {
		return Key{}, err
	}
	c, err := certificate(k)
	if err != nil {
		return Key{}, err
	}
	if !crypto.SameKey(key.Public(), c.PublicKey) {
		return Key{}, fmt.Errorf("the private key of SAST %s is not that of its certificate", k.Fingerprint)
	}
	return Key{c, key}, nil
}

func certificate(k store.ListKey) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of SAST %s: %w", k.Fingerprint, err)
	}
	return c, nil
}
