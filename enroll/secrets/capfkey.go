package secrets

import (
	"context"
	stdcrypto "crypto"
	"errors"

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
	key, err = openKey(sealer, CAPFKeyLabel, id.SealedKey, "CAPF key")
	return key, id, err
}

// PreparedKey opens the private key of the CAPF certificate that is prepared, as CAPFKey
// does. The error is store.ErrNotFound when none is.
func PreparedKey(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (key stdcrypto.Signer, p store.Prepared, err error) {
	if p, err = s.Prepared(ctx); err != nil {
		return nil, p, err
	}
	key, err = openKey(sealer, CAPFKeyLabel, p.SealedKey, "prepared CAPF key")
	return key, p, err
}

// SealCAPFKey seals the CAPF private key for CAPFKey.
func SealCAPFKey(sealer *crypto.Sealer, key stdcrypto.Signer) ([]byte, error) {
	return sealKey(sealer, CAPFKeyLabel, key, "CAPF key")
}
