// Package secrets is about what is sealed in the database: the master key that
// opens it, the label that binds each secret to its use, and the change to another
// master key. It knows of each kind of secret where it is kept, so that all can be
// tried and sealed anew; it must not know what a secret is good for.
package secrets

import "errors"

// ErrNotReady says that there is no CAPF certificate yet: capf init has not been
// run on the database.
var ErrNotReady = errors.New("there is no CAPF certificate yet")
