// Package offline serves a CA that is reached by files: it exports the requests
// that wait, and imports the certificates that the CA has issued for them. It
// knows neither phones nor networks; the session of a waiting phone finds its
// LSC in the database.
package offline

import (
	"time"

	"capf/store"
)

// CA exports requests to, and imports certificates from, the offline CA of
// one database.
type CA struct {
	Store *store.Store
	Now   func() time.Time
}
