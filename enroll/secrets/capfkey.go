package secrets

import (
	"context"
	stdcrypto "crypto"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// CAPFKey opens the CAPF private key without checking its certificate: when that
// has expired, a new one for the same key may be the remedy. The error is
// ErrNotReady when there is no key, and crypto.ErrWrongKey when another master key
// sealed it.
func CAPFKey(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (key stdcrypto.Signer, id store.Identity, err error) {
	id, err = s.Identity(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, id, apperr.WithHint(ErrNotReady, "capf init makes it")
	}
	if err != nil {
		return nil, id, err
	}
	der, err := sealer.Open(CAPFKeyLabel, id.SealedKey)
	if err != nil {
		return nil, id, fmt.Errorf("opening the CAPF key: %w", err)
	}
	defer clear(der)
	key, err = crypto.ParsePrivateKey(der)
	if err != nil {
		return nil, id, fmt.Errorf("reading the CAPF key: %w", err)
	}
	return key, id, nil
}

// SealCAPFKey seals the CAPF private key for CAPFKey.
func SealCAPFKey(sealer *crypto.Sealer, key stdcrypto.Signer) ([]byte, error) {
	der, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the CAPF key: %w", err)
	}
	defer clear(der)
	sealed, err := sealer.Seal(CAPFKeyLabel, der)
	if err != nil {
		return nil, fmt.Errorf("sealing the CAPF key: %w", err)
	}
	return sealed, nil
}
