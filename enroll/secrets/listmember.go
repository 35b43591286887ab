package secrets

import (
	stdcrypto "crypto"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// SealMemberKey seals the key of a certificate in trust lists for MemberKey.
func SealMemberKey(sealer *crypto.Sealer, fingerprint string, key stdcrypto.Signer) ([]byte, error) {
	der, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key of trust list member %s: %w", fingerprint, err)
	}
	defer clear(der)
	sealed, err := sealer.Seal(listMemberLabel(fingerprint), der)
	if err != nil {
		return nil, fmt.Errorf("sealing the key of trust list member %s: %w", fingerprint, err)
	}
	return sealed, nil
}

// MemberKey opens the key of a certificate in trust lists; nil when it has none. The
// error is crypto.ErrWrongKey when another master key sealed it.
func MemberKey(sealer *crypto.Sealer, m store.ListMember) (stdcrypto.Signer, error) {
	if m.SealedKey == nil {
		return nil, nil
	}
	der, err := sealer.Open(listMemberLabel(m.Fingerprint), m.SealedKey)
	if err != nil {
		return nil, fmt.Errorf("opening the key of trust list member %d: %w", m.ID, err)
	}
	defer clear(der)
	key, err := crypto.ParsePrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading the key of trust list member %d: %w", m.ID, err)
	}
	return key, nil
}
