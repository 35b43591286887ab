// Package offline is the CA that is reached by files: it exports the requests
// that wait, and imports the certificates that a CA has made for them. It knows
// neither phones nor networks; a phone that waits sees in the database that its
// LSC is there.
package offline

import (
	"time"

	"capf/store"
)

// CA is the offline CA as one database sees it.
type CA struct {
	Store *store.Store
	Now   func() time.Time
}
