package store

import (
	"fmt"
)

// Voucher is what a phone authenticated with when it sent a request.
type Voucher struct {
	Kind VoucherKind // empty when an earlier capf did not record it
	// Fingerprint is the SHA-256 of the certificate or, for a string, of its
	// sealed form, which tells strings apart and cannot be brute-forced.
	Fingerprint []byte
}

// String names the voucher for events.
func (v Voucher) String() string {
	if len(v.Fingerprint) == 0 {
		return string(v.Kind)
	}
	return fmt.Sprintf("%s with SHA-256 %x", v.Kind, v.Fingerprint)
}
