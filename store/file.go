package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"capf/internal/durable"
)

// applicationID is "CAPF", big-endian, in the header of the file.
const applicationID = 0x43415046

// How a connection is opened. What it says is said in the name of the data
// source, because a PRAGMA that is executed reaches one connection of a pool.
const (
	// A transaction is on the disk when its COMMIT returns (synchronous FULL
	// syncs the write-ahead log each time).
	forWriting = "_txlock=immediate&_pragma=busy_timeout(0)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)" +
		"&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)"
	forReading  = "_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	forLooking  = "mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	forCopying  = "_pragma=synchronous(OFF)" // it is synced once, when it is complete
	forCreating = "_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	// Nothing beside the file is read, made or changed.
	forExamining = "immutable=1&_pragma=query_only(1)"
	// The same of a file that others may work with. While one of them brings the
	// write-ahead log into the file, and after it was killed at that, the first
	// page may tell of pages that are still missing behind it. SQLite takes such
	// a file for damaged, unless the schema may be written; with its log it is
	// whole.
	forTelling = "immutable=1&_pragma=writable_schema(1)&_pragma=query_only(1)"
)

// connect opens no connection yet; database/sql does so when one is needed.
func connect(path, how string) (*sql.DB, error) {
	if err := teachMatching(); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: how}
	return sql.Open("sqlite", u.String())
}

// Create makes the database with mode 0600, and its folder with 0700 when that
// is missing too, and opens it. A database that exists is opened as Open does.
// The file appears complete or not at all, and of several processes that
// create it at the same time one does and the others open what it made. What
// root makes in somebody's folder belongs to him.
func Create(ctx context.Context, path string, o Options) (*Store, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) && !o.ReadOnly {
		err = create(ctx, path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, failed(err, "creating database %q", path)
	}
	return Open(ctx, path, o)
}

func create(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := noLogLeft(path); err != nil {
		return err
	}
	err := tempFile(path, func(name string) error {
		if err := fill(ctx, name); err != nil {
			return err
		}
		if err := drawMark(ctx, name); err != nil {
			return err
		}
		return inherit(name, path)
	}, durable.New)
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return nil
	}
	return err
}

// noLogLeft refuses a path where a database was removed and its write-ahead log
// or rollback journal was not: SQLite would take that for the next database's,
// and change it to what the old one was.
func noLogLeft(path string) error {
	log, err := logBeside(path)
	if err != nil || log == "" {
		return err
	}
	// Its database may have been made this very moment, by another process.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%q is left of a database that has gone; move it away", log)
}

// fill writes the schema into an empty file. The application id goes with it
// into the file itself, before there is a write-ahead log, so that examine
// finds it there.
func fill(ctx context.Context, path string) (err error) {
	db, err := connect(path, forCreating)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after Commit it does nothing
	if _, err := t.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return err
	}
	if err := runMigrations(ctx, t, 0); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	return err
}

// Rights that access(2) is asked for.
const (
	mayWrite = 2
	mayRead  = 4
)

// examine says whether the file is ours. It goes through SQLite and not
// through package os: closing a descriptor of our own would release the POSIX
// locks that another Store of this process holds on the file.
func examine(ctx context.Context, path string) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a regular file", ErrForeign)
	}
	// SQLite tells a file that may not be read from no other trouble.
	if err := syscall.Access(path, mayRead); err != nil {
		return err
	}
	db, err := connect(path, forTelling)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var id int32
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return ErrForeign
	}
	return nil
}

// writable says whether SQLite could write: it needs the file, and the folder
// for the files beside it.
func writable(path string) error {
	for _, p := range []string{path, filepath.Dir(path)} {
		switch err := syscall.Access(p, mayWrite); {
		case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EPERM):
			return fmt.Errorf("%w: no permission to write to %q", ErrReadOnly, p)
		case err != nil:
			return fmt.Errorf("looking at %q: %w", p, err)
		}
	}
	return nil
}
