// Package sqlite keeps the database in an SQLite file: it knows how the file is
// opened, created, locked, copied and exchanged, and what SQLite's errors mean.
// It knows the tables that its migrations create, but of their content only what
// identifies a file; queries and changes are package store's.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"capf/store/engine"
)

// Options are the choices of an opener.
type Options struct {
	Now      func() time.Time
	ReadOnly bool
}

// Database is an open file. It is the engine.Database of SQLite.
type Database struct {
	path     string
	reading  string // how the connections that only read are opened
	readOnly bool
	original *original
}

var _ engine.Database = (*Database)(nil)

// Open opens the file. Errors: engine.ErrNotFound when there is none, ErrForeign,
// and ErrReadOnly when the file or its folder cannot be written and o.ReadOnly
// does not say that this is expected.
func Open(ctx context.Context, path string, o Options) (*Database, error) {
	if err := examine(ctx, path); err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		if err := writable(path); err != nil {
			return nil, err
		}
	}
	was, err := newOriginal(ctx, path, o.Now)
	if err != nil {
		return nil, err
	}
	d := &Database{path: path, reading: forReading, readOnly: o.ReadOnly, original: was}
	if o.ReadOnly {
		d.reading = howToLook(ctx, path)
	}
	return d, nil
}

// exchangesSurvived is how often Settled begins anew because the file has become
// another one.
const exchangesSurvived = 5

// Settled calls open until the file at the path is the same before and
// afterwards. While Restore holds its lock, whoever has the old file open waits
// for it already, and would then work with a database that has gone. undo closes
// what open has opened in vain.
func Settled(path string, open, undo func() error) error {
	for range exchangesSurvived {
		before, err := os.Stat(path)
		if err != nil {
			return open()
		}
		err = open()
		after, gone := os.Stat(path)
		if gone == nil && os.SameFile(before, after) {
			return err
		}
		err = errors.Join(err, undo())
		if gone != nil {
			return errors.Join(engine.ErrNotFound, err)
		}
	}
	return fmt.Errorf("%w: the file became another one %d times meanwhile", engine.ErrBusy, exchangesSurvived)
}

// Readers makes a pool of connections that cannot write.
func (d *Database) Readers(connections int) (*sql.DB, error) {
	db, err := connect(d.path, d.reading)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(max(connections, 1))
	return db, nil
}

// Writer makes the pool of the one connection that writes.
func (d *Database) Writer() (*sql.DB, error) {
	db, err := connect(d.path, forWriting)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// BeginChange takes the write lock at once: a transaction that reads before it
// writes fails under load otherwise.
func (d *Database) BeginChange() string { return "BEGIN IMMEDIATE" }

// Changing notes the log with which the writer's connection works.
func (d *Database) Changing() { d.original.works() }

// KeepFor keeps Restore from exchanging the file while the pool is open: in the
// mode WAL a connection that has read keeps a lock, in others it does not.
func (d *Database) KeepFor(ctx context.Context, readers *sql.DB, change func() error) error {
	var mode string
	if err := readers.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil || mode == "wal" || d.readOnly {
		return err
	}
	// The writer's connection changes the mode, and the next question finds it
	// changed.
	if err := change(); err != nil {
		return err
	}
	var version int
	return readers.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
}

// Present returns engine.ErrReplaced, with what has happened, when the open file
// is not the one at its path any more, or another database stands in it.
func (d *Database) Present() error { return d.original.look() }

// Untouchable is so when another database was copied into the file.
func (d *Database) Untouchable() bool {
	_ = d.original.look() // what it finds decides
	_, overwritten := d.original.fate()
	return overwritten
}

// Release brings everything into the file when that was moved. SQLite leaves its
// log where it is, and a database that stands there now would take it for its own.
func (d *Database) Release(ctx context.Context, writer *sql.Conn) error {
	if replaced, _ := d.original.fate(); !replaced {
		return nil
	}
	_, err := writer.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// What SQLite adds to the name of a database for the files beside it.
const (
	rollbackEnd = "-journal"
	logEnd      = "-wal"
	indexEnd    = "-shm"
)

// besides are the ends of all files beside a database.
func besides() []string { return []string{logEnd, indexEnd, rollbackEnd} }

// Files are the database at a path and the files that SQLite makes and reads
// beside it, whether or not they are there.
func Files(path string) []string {
	return []string{path, path + logEnd, path + indexEnd, path + rollbackEnd}
}
