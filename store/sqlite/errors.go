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

// Plain is err without the words of SQLite, which name tables and columns, and
// without its numbers, which name nothing.
func Plain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	code := e.Code()
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return engine.ErrFull
	case sqlite3.SQLITE_READONLY:
		return readOnly(code)
	case sqlite3.SQLITE_PERM:
		return engine.ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return engine.ErrBusy
	case sqlite3.SQLITE_NOTADB:
		return engine.ErrForeign
	case sqlite3.SQLITE_CORRUPT:
		return engine.ErrDamaged
	case sqlite3.SQLITE_CANTOPEN:
		return engine.ErrUnopened
	case sqlite3.SQLITE_IOERR:
		return diskFault(code)
	case sqlite3.SQLITE_CONSTRAINT:
		return constraint(code)
	}
	for _, f := range faults {
		if f.code == code&0xff {
			return errors.New(f.text)
		}
	}
	return errors.New("the database failed for a reason that has no name")
}

// fault is a code of SQLite in words.
type fault struct {
	code int
	text string
}

// faults are what else SQLite may answer.
var faults = []fault{
	{sqlite3.SQLITE_ERROR, "the database did not understand what capf asked of it: the schema is another one, or capf has a fault"},
	{sqlite3.SQLITE_SCHEMA, "the schema of the database changed meanwhile"},
	{sqlite3.SQLITE_NOMEM, "the memory is used up"},
	{sqlite3.SQLITE_TOOBIG, "a value is too long for the database"},
	{sqlite3.SQLITE_MISMATCH, "the database does not allow such a value"},
	{sqlite3.SQLITE_RANGE, "capf and the database disagree about what was asked: capf has a fault"},
	{sqlite3.SQLITE_MISUSE, "capf used the database in a wrong way: capf has a fault"},
	{sqlite3.SQLITE_INTERNAL, "SQLite has a fault"},
	{sqlite3.SQLITE_INTERRUPT, "the database was interrupted"},
	{sqlite3.SQLITE_ABORT, "the database gave up, since something else had failed"},
	{sqlite3.SQLITE_AUTH, "the database does not allow it"},
	{sqlite3.SQLITE_NOLFS, "the system cannot handle so large a file"},
	{sqlite3.SQLITE_NOTFOUND, "the system does not know an operation that the database needs"},
}

// readOnly says why the database cannot be written, as far as SQLite knows.
func readOnly(code int) error {
	switch code {
	case sqlite3.SQLITE_READONLY_DBMOVED:
		return fmt.Errorf("%w: its file was moved or removed while it was in use", engine.ErrReplaced)
	case sqlite3.SQLITE_READONLY_ROLLBACK:
		return fmt.Errorf("%w, and a change that was interrupted must first be undone in it", engine.ErrReadOnly)
	}
	return engine.ErrReadOnly
}

// diskFaults say what of the disk failed.
var diskFaults = []fault{
	{sqlite3.SQLITE_IOERR_READ, "the file cannot be read"},
	{sqlite3.SQLITE_IOERR_SHORT_READ, "the file is shorter than it was"},
	{sqlite3.SQLITE_IOERR_WRITE, "the file cannot be written"},
	{sqlite3.SQLITE_IOERR_FSYNC, "what was written cannot be brought to the disk"},
	{sqlite3.SQLITE_IOERR_DIR_FSYNC, "the folder cannot be brought to the disk"},
	{sqlite3.SQLITE_IOERR_DIR_CLOSE, "the folder cannot be closed"},
	{sqlite3.SQLITE_IOERR_CLOSE, "the file cannot be closed"},
	{sqlite3.SQLITE_IOERR_TRUNCATE, "the file cannot be shortened"},
	{sqlite3.SQLITE_IOERR_FSTAT, "the system does not say how large the file is"},
	{sqlite3.SQLITE_IOERR_ACCESS, "the system does not say whether a file is there"},
	{sqlite3.SQLITE_IOERR_DELETE, "a file beside the database cannot be removed"},
	{sqlite3.SQLITE_IOERR_DELETE_NOENT, "a file beside the database has gone"},
	{sqlite3.SQLITE_IOERR_LOCK, "the filesystem gives no lock; it may be a network share"},
	{sqlite3.SQLITE_IOERR_RDLOCK, "the filesystem gives no lock; it may be a network share"},
	{sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, "the filesystem gives no lock; it may be a network share"},
	{sqlite3.SQLITE_IOERR_UNLOCK, "the filesystem takes no lock back; it may be a network share"},
	{sqlite3.SQLITE_IOERR_BLOCKED, "the filesystem keeps it waiting"},
	{sqlite3.SQLITE_IOERR_SHMOPEN, "the index of the log cannot be opened"},
	{sqlite3.SQLITE_IOERR_SHMLOCK, "the index of the log cannot be locked"},
	{sqlite3.SQLITE_IOERR_SHMMAP, "the index of the log cannot be mapped into memory"},
	{sqlite3.SQLITE_IOERR_MMAP, "the file cannot be mapped into memory"},
	{sqlite3.SQLITE_IOERR_SEEK, "a place in the file cannot be reached"},
	{sqlite3.SQLITE_IOERR_NOMEM, "the memory is used up"},
	{sqlite3.SQLITE_IOERR_GETTEMPPATH, "there is no folder for temporary files"},
	{sqlite3.SQLITE_IOERR_CONVPATH, "the path of the database cannot be followed"},
	{sqlite3.SQLITE_IOERR_VNODE, "the file was taken away"},
	{sqlite3.SQLITE_IOERR_DATA, "what was read is not what had been written"},
	{sqlite3.SQLITE_IOERR_CORRUPTFS, "the filesystem is damaged"},
	{sqlite3.SQLITE_IOERR_IN_PAGE, "the file cannot be read where it is mapped into memory"},
}

// diskFault says what the system refused.
func diskFault(code int) error {
	if code == sqlite3.SQLITE_IOERR_SHMSIZE { // no room even for the index of the log
		return engine.ErrFull
	}
	for _, f := range diskFaults {
		if f.code == code {
			return fmt.Errorf("%w: %s", engine.ErrDisk, f.text)
		}
	}
	return engine.ErrDisk
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
		return errors.New("the database does not allow such a value")
	}
}

// IsBusy says that another has the write lock, or a lock on the whole file.
func IsBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}
