package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"capf/store/engine"
)

// lockExclusive makes sure that no other process has the database open and that it is all in
// its one file, and keeps others out until release. Leaving the mode WAL is
// possible only for the one process that has it open, and empties the log.
func lockExclusive(ctx context.Context, path, kept string) (release func() error, err error) {
	if errors.Is(Plain(examine(ctx, path)), engine.ErrForeign) {
		return moveAside(path, kept) // before SQLite makes something of its log
	}
	db, err := connect(path, "_pragma=busy_timeout(2000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	err = leaveWAL(ctx, db)
	if err == nil {
		err = lockAll(ctx, db)
	}
	if err != nil {
		db.Close()
		switch err = Plain(err); {
		case errors.Is(err, engine.ErrBusy):
			return nil, engine.ErrInUse
		case errors.Is(err, engine.ErrDamaged), errors.Is(err, engine.ErrForeign):
			return moveAside(path, kept)
		}
		return nil, err
	}
	return db.Close, nil // which ends the transaction
}

// leaveWAL is possible only for the one process that has the database open.
func leaveWAL(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return engine.ErrInUse
	}
	return nil
}

// lockAll keeps all others out, of a database that has left the mode WAL. Who
// came in between may have brought that back, and in it this lock keeps nobody
// from reading.
func lockAll(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return err
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return engine.ErrInUse
	}
	return nil
}

// moveAside is lockExclusive for a database that cannot be read: its log, which must not
// be taken for that of the next one, goes along with it.
func moveAside(path, kept string) (release func() error, err error) {
	used, err := lockedByOthers(path + indexEnd)
	if err != nil || used {
		return nil, errors.Join(err, engine.ErrInUse)
	}
	for _, end := range besides() {
		if err := os.Rename(path+end, kept+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return func() error { return nil }, nil
}

// lockedByOthers looks for the lock that each process with the database open
// holds on the index of its log (byte 128, SQLite's "wal-index format").
func lockedByOthers(shm string) (bool, error) {
	f, err := os.OpenFile(shm, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 128, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return false, err
	}
	return lock.Type != syscall.F_UNLCK, nil
}
