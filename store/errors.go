package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What callers tell apart.
var (
	// ErrNotFound says that there is no such row, or no such database file.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the row exists already, or that a transition came
	// too late because the row has moved on.
	ErrConflict = errors.New("conflict")
	// ErrOvertaken says that a later session of the same phone has sent a key.
	ErrOvertaken = errors.New("a later session of the phone has sent a key")
	// ErrForeign says that the file is not a database of capf.
	ErrForeign = errors.New("not a capf database")
	// ErrNewer says that a newer capf has written the database.
	ErrNewer = errors.New("the database was written by a newer capf")
	// ErrReadOnly says that the database cannot be written.
	ErrReadOnly = errors.New("the database is read-only")
	// ErrFull says that the disk is full; nothing was written.
	ErrFull = errors.New("the disk is full")
	// ErrBusy says that another process kept the database locked for longer
	// than the lock is waited for.
	ErrBusy = errors.New("another process keeps the database locked")
	// ErrDamaged says that the file is a database of capf whose content
	// contradicts itself.
	ErrDamaged = errors.New("the database is damaged")
	// ErrClosed says that the Store has been closed.
	ErrClosed = errors.New("the database has been closed")
)

// failed adds what was being done to an error, and puts a sentinel in place of
// what SQLite says, whose texts name tables and columns.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), plain(err))
}

// Conflict is ErrConflict with its reason.
type Conflict struct{ Reason string }

func (c *Conflict) Error() string { return ErrConflict.Error() + ": " + c.Reason }
func (c *Conflict) Unwrap() error { return ErrConflict }

// KeyTaken is the refusal of a public key that another device has sent.
type KeyTaken struct{ Device string }

func (k *KeyTaken) Error() string {
	return fmt.Sprintf("the key is one that the device %q has sent", k.Device)
}

func conflict(format string, args ...any) error {
	return &Conflict{fmt.Sprintf(format, args...)}
}

// plain is err without the words of SQLite.
func plain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	code := e.Code()
	if code == sqlite3.SQLITE_IOERR_SHMSIZE { // no room even for the index of the log, without which nothing can be read
		return ErrFull
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	case sqlite3.SQLITE_NOTADB:
		return ErrForeign
	case sqlite3.SQLITE_CORRUPT:
		return ErrDamaged
	case sqlite3.SQLITE_CANTOPEN:
		return errors.New("the database file, or one that belongs beside it, cannot be opened")
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("reading or writing the disk failed (SQLite code %d)", code)
	case sqlite3.SQLITE_CONSTRAINT:
		return constraint(code)
	default:
		return fmt.Errorf("the database failed (SQLite code %d)", code)
	}
}

// constraint tells what exists already or has gone from what should not have
// been asked for.
func constraint(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: it exists already", ErrConflict)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: what it belongs to has gone, or something still belongs to it", ErrConflict)
	default:
		return fmt.Errorf("the database does not allow such a value (SQLite code %d)", code)
	}
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}
