package secrets

import (
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// TVSKey opens the private key of TVS, which must be that of its certificate. The error
// is crypto.ErrWrongKey when another master key sealed it.
func TVSKey(sealer *crypto.Sealer, row store.TVSCertificate) (stdcrypto.Signer, error) {
	key, err := openKey(sealer, TVSKeyLabel, row.SealedKey, "TVS key")
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(row.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the TVS certificate: %w", err)
	}
	if !crypto.SameKey(key.Public(), cert.PublicKey) {
		return nil, errors.New("the TVS key is not that of the TVS certificate")
	}
	return key, nil
}

// SealTVSKey seals the private key of TVS for TVSKey.
func SealTVSKey(sealer *crypto.Sealer, key stdcrypto.Signer) ([]byte, error) {
	return sealKey(sealer, TVSKeyLabel, key, "TVS key")
}
