package secrets

import (
	"context"
	stdcrypto "crypto"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// ListKey opens a SAST private key. The error is crypto.ErrWrongKey when another master
// key sealed it.
func ListKey(sealer *crypto.Sealer, k store.ListKey) (stdcrypto.Signer, error) {
	der, err := sealer.Open(listKeyLabel(k.Fingerprint), k.SealedKey)
	if err != nil {
		return nil, fmt.Errorf("opening a SAST key: %w", err)
	}
	defer clear(der)
	key, err := crypto.ParsePrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading a SAST key: %w", err)
	}
	return key, nil
}

// SealListKey seals a SAST private key for ListKey. The fingerprint is that of its
// certificate.
func SealListKey(sealer *crypto.Sealer, fingerprint string, key stdcrypto.Signer) ([]byte, error) {
	der, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a SAST key: %w", err)
	}
	defer clear(der)
	sealed, err := sealer.Seal(listKeyLabel(fingerprint), der)
	if err != nil {
		return nil, fmt.Errorf("sealing a SAST key: %w", err)
	}
	return sealed, nil
}

// listKeys returns the SAST keys.
func listKeys(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (all []Secret, err error) {
	signing, err := s.ListSigning(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, k := range []store.ListKey{signing.Signer, signing.Spare} {
		if k.ID != 0 {
			all = append(all, Secret{"SAST " + k.Fingerprint, func() error { _, err := ListKey(sealer, k); return err }})
		}
	}
	return all, nil
}
