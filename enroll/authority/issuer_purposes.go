package authority

import (
	"crypto/x509"

	"capf/crypto"
	"capf/internal/apperr"
)

// CheckPurposes refuses, with apperr.ErrRefused, issuers whose extendedKeyUsage
// makes the LSCs below them useless.
func CheckPurposes(issuers ...*x509.Certificate) error {
	for _, c := range issuers {
		if err := crypto.CheckIssuerPurposes(c); err != nil {
			return apperr.Refused("%v", err)
		}
	}
	return nil
}
