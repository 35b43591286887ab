package secrets

import (
	stdcrypto "crypto"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// SealMemberKey seals the key of a certificate in trust lists for MemberKey.
func SealMemberKey(sealer *crypto.Sealer, fingerprint string, key stdcrypto.Signer) ([]byte, error) {
	return sealKey(sealer, listMemberLabel(fingerprint), key, "key of trust list member "+fingerprint)
}

// MemberKey opens the key of a certificate in trust lists; nil when it has none. The
// error is crypto.ErrWrongKey when another master key sealed it.
func MemberKey(sealer *crypto.Sealer, m store.ListMember) (stdcrypto.Signer, error) {
	if m.SealedKey == nil {
		return nil, nil
	}
	return openKey(sealer, listMemberLabel(m.Fingerprint), m.SealedKey, fmt.Sprintf("key of trust list member %d", m.ID))
}
