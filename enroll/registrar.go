package enroll

import (
	"io"
	"time"

	"capf/crypto"
	"capf/store"
)

// Registrar decides which phones may have a certificate, and records what becomes
// of each. It is safe for concurrent use. A running serve has one, since it
// remembers how often phones have failed.
type Registrar struct {
	store        *store.Store
	sealer       *crypto.Sealer
	now          func() time.Time
	rand         io.Reader
	rules        *Rules
	certificates phoneCertificates
	failures     failureLimits
}

// NewRegistrar returns the registrar of a database.
func NewRegistrar(r *Rules) *Registrar {
	return &Registrar{
		store: r.Store, sealer: r.Sealer, now: r.Now, rand: r.Rand, rules: r,
		certificates: phoneCertificates{store: r.Store, trust: r, now: r.Now},
	}
}
