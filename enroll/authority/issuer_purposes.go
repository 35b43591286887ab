package authority

import (
	"crypto/x509"

	"capf/crypto"
	"capf/internal/apperr"
)

// CheckPurposes refuses issuers of LSCs whose extendedKeyUsage makes the LSCs below
// them useless. ErrRefused.
func CheckPurposes(issuers ...*x509.Certificate) error {
	for _, c := range issuers {
		if err := crypto.CheckIssuerPurposes(c); err != nil {
			return apperr.Refused("%v", err)
		}
	}
	return nil
}
