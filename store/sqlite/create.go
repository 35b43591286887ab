package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"capf/internal/durable"
	"capf/store/engine"
)

// Create makes the file with mode 0600, and its folder with 0700 when that is
// missing too; one that exists is left as it is. It appears complete or not at
// all, and of several processes that create it at the same time one does. A
// file that root makes in a user's folder belongs to that user.
func Create(ctx context.Context, path string, steps engine.Steps) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := noLogLeft(path); err != nil {
		return err
	}
	err := tempFile(path, func(name string) error {
		if err := fill(ctx, name, steps); err != nil {
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

// noLogLeft refuses a path where a database was removed but its write-ahead log
// or rollback journal was not: SQLite would apply it to the new database.
func noLogLeft(path string) error {
	log, err := logBeside(path)
	if err != nil || log == "" {
		return err
	}
	// Its database may have been made this very moment, by another process.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%q is left over from a database that is gone; move it away", log)
}

// fill writes the schema into an empty file. The application id goes with it
// into the file itself, before there is a write-ahead log, so that examine
// finds it there.
func fill(ctx context.Context, path string, steps engine.Steps) (err error) {
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
	if err := migrate(ctx, t, 0, steps); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	return err
}

// inherit gives the temporary file to the owner of the database, or of its folder: root
// may make and restore what the service user works with.
func inherit(name, database string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(database)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(database))
	}
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	// The owner of the folder may have put a link in the place of the file.
	return os.Lchown(name, int(owner.Uid), int(owner.Gid))
}
