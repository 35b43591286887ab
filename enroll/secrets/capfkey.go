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
	key, err = openKey(sealer, id.SealedKey, "CAPF key")
	return key, id, err
}

// PreparedKey opens the private key of the CAPF certificate that is prepared, as CAPFKey
// does. The error is store.ErrNotFound when none is.
func PreparedKey(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (key stdcrypto.Signer, p store.Prepared, err error) {
	if p, err = s.Prepared(ctx); err != nil {
		return nil, p, err
	}
	key, err = openKey(sealer, p.SealedKey, "prepared CAPF key")
	return key, p, err
}

func openKey(sealer *crypto.Sealer, sealed []byte, which string) (stdcrypto.Signer, error) {
	der, err := sealer.Open(CAPFKeyLabel, sealed)
	if err != nil {
		return nil, fmt.Errorf("opening the %s: %w", which, err)
	}
	defer clear(der)
	key, err := crypto.ParsePrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading the %s: %w", which, err)
	}
	return key, nil
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
