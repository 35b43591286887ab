// Package secrets handles what is sealed in the database: the master key that
// opens it, the label that binds each secret to its use, and the rotation of the
// master key. It knows where each kind of secret is kept, so that all can be
// verified and resealed. It must not know what a secret is for.
package secrets

import "errors"

// ErrNotReady says that there is no CAPF certificate yet: capf init has not been
// run on the database.
var ErrNotReady = errors.New("there is no CAPF certificate yet")
