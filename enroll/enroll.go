// Package enroll holds the rules of CAPF: who may have a certificate, what
// happens to a request, and what an operator may change. Phones (through
// enroll/server) and operators (through commands) obey the same ones. It joins
// store, which keeps bytes, with crypto, which knows their meaning; it knows
// nothing of sockets, frames or command lines.
package enroll

import (
	"io"
	"log/slog"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/store"
)

// ErrNotReady says that there is no CAPF certificate yet.
var ErrNotReady = secrets.ErrNotReady

// Rules applies the rules to one database.
type Rules struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger
}
