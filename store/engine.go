package store

import (
	"context"

	"capf/store/engine"
	"capf/store/sqlite"
)

// The errors that an engine has too.
var (
	// ErrNotFound says that there is no such row, or no such database file.
	ErrNotFound = engine.ErrNotFound
	// ErrConflict says that the row exists already, or that a transition came
	// too late because the row has moved on.
	ErrConflict = engine.ErrConflict
	// ErrForeign says that the file is not a database of capf.
	ErrForeign = engine.ErrForeign
	// ErrReadOnly says that the database cannot be written.
	ErrReadOnly = engine.ErrReadOnly
	// ErrReadOnlyDisk is ErrReadOnly where nobody may write, not even root.
	ErrReadOnlyDisk = engine.ErrReadOnlyDisk
	// ErrDisk says that the system failed to read or write the disk for another
	// reason, which the system's log has.
	ErrDisk = engine.ErrDisk
	// ErrFull says that the disk is full; nothing was written.
	ErrFull = engine.ErrFull
	// ErrUnopened says that the system does not open the file, or one beside it.
	ErrUnopened = engine.ErrUnopened
	// ErrBusy says that another process kept the database locked for longer
	// than we wait.
	ErrBusy = engine.ErrBusy
	// ErrDamaged says that the file is a database of capf whose content
	// contradicts itself.
	ErrDamaged = engine.ErrDamaged
	// ErrInUse says that another process has the database open, so that the file
	// cannot be exchanged.
	ErrInUse = engine.ErrInUse
	// ErrReplaced says that the opened file is no longer the database: somebody
	// has moved, removed or overwritten it.
	ErrReplaced = engine.ErrReplaced
)

// Types that the domain and an engine share.
type (
	// Conflict is ErrConflict with its reason.
	Conflict = engine.Conflict
	// Space is the room on the disk of the database, in bytes.
	Space = engine.Space
	// Sign authenticates the digest of a backup.
	Sign = engine.Sign
	// Seal is the authenticator of a signed backup.
	Seal = engine.Seal
)

// openEngine opens the database at the path, with SQLite, the one engine there is.
func openEngine(ctx context.Context, path string, o Options) (engine.Database, error) {
	return sqlite.Open(ctx, path, sqlite.Options{Now: o.Now, ReadOnly: o.ReadOnly})
}

// createDatabase makes the database unless it is there.
func createDatabase(ctx context.Context, path string) error {
	return sqlite.Create(ctx, path, migrationSteps)
}

// settled calls open until the opened file is the one at the path.
func settled(path string, open, undo func() error) error { return sqlite.Settled(path, open, undo) }

// Files are the files of the database at a path, whether or not they are there.
func Files(path string) []string { return sqlite.Files(path) }

// plain replaces the driver's words in an error by ours.
func plain(err error) error { return sqlite.Plain(err) }

// isBusy reports whether another writer held the lock.
func isBusy(err error) bool { return sqlite.IsBusy(err) }
