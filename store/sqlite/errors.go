package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"capf/store/engine"
)

// failed adds what was being done to an error, without the words of SQLite.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), Plain(err))
}

// Plain is err without the words of SQLite, which name tables and columns.
func Plain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	code := e.Code()
	if code == sqlite3.SQLITE_IOERR_SHMSIZE { // no room even for the index of the log, without which nothing can be read
		return engine.ErrFull
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return engine.ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return engine.ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return engine.ErrBusy
	case sqlite3.SQLITE_NOTADB:
		return engine.ErrForeign
	case sqlite3.SQLITE_CORRUPT:
		return engine.ErrDamaged
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
		return fmt.Errorf("%w: it exists already", engine.ErrConflict)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: what it belongs to has gone, or something still belongs to it", engine.ErrConflict)
	default:
		return fmt.Errorf("the database does not allow such a value (SQLite code %d)", code)
	}
}

// IsBusy says that another has the write lock, or a lock on the whole file.
func IsBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}
