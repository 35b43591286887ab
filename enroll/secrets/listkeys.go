package secrets

import (
	"context"
	stdcrypto "crypto"
	"errors"

	"capf/crypto"
	"capf/store"
)

// ListKey opens a SAST private key. The error is crypto.ErrWrongKey when another master
// key sealed it.
func ListKey(sealer *crypto.Sealer, k store.ListKey) (stdcrypto.Signer, error) {
	return openKey(sealer, listKeyLabel(k.Fingerprint), k.SealedKey, "SAST key "+k.Fingerprint)
}

// SealListKey seals a SAST private key for ListKey. The fingerprint is that of its
// certificate.
func SealListKey(sealer *crypto.Sealer, fingerprint string, key stdcrypto.Signer) ([]byte, error) {
	return sealKey(sealer, listKeyLabel(fingerprint), key, "SAST key "+fingerprint)
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
