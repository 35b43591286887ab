package enroll

import (
	"io"
	"time"

	"capf/crypto"
	"capf/store"
)

// Registrar decides which phones may have a certificate, and records how each
// session ends. It is safe for concurrent use. A running serve has exactly one,
// since it remembers how often phones have failed.
type Registrar struct {
	store        *store.Store
	sealer       *crypto.Sealer
	now          func() time.Time
	rand         io.Reader
	certificates phoneCertificates
	failures     failureLimits
}

// NewRegistrar returns the registrar of a database. The sealer opens the
// authentication strings of devices; rand makes the serials of LSCs.
func NewRegistrar(s *store.Store, sealer *crypto.Sealer, now func() time.Time, rand io.Reader) *Registrar {
	return &Registrar{store: s, sealer: sealer, now: now, rand: rand, certificates: phoneCertificates{s.Reader, now}}
}
