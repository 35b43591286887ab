package secrets

import (
	stdcrypto "crypto"
	"fmt"

	"capf/crypto"
)

// openKey opens a private key; which says whose it is. The error is crypto.ErrWrongKey
// when another master key sealed it.
func openKey(sealer *crypto.Sealer, label string, sealed []byte, which string) (stdcrypto.Signer, error) {
	der, err := sealer.Open(label, sealed)
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

// sealKey seals a private key for openKey.
func sealKey(sealer *crypto.Sealer, label string, key stdcrypto.Signer, which string) ([]byte, error) {
	der, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the %s: %w", which, err)
	}
	defer clear(der)
	sealed, err := sealer.Seal(label, der)
	if err != nil {
		return nil, fmt.Errorf("sealing the %s: %w", which, err)
	}
	return sealed, nil
}
