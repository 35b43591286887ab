// Package engine is the seam between the domain and the database below it: what
// package store needs from an engine, and the errors that both know. SQLite, in
// package sqlite, is the one engine there is.
//
// Another one has to provide a Database and the functions that package store
// calls in engine.go before a database is open. Beyond that the domain relies
// on this dialect of SQL:
//
//   - ? is an argument, RETURNING and ON CONFLICT are known, and text compares
//     without regard to case where the schema says so;
//   - times are milliseconds in integers, states are texts that a CHECK limits;
//   - matches(pattern, text) is the function of package wildcard;
//   - SAVEPOINT, ROLLBACK TO and RELEASE divide a transaction.
package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
)

// The errors of an engine that callers tell apart.
var (
	// ErrNotFound says that there is no such row, or no such database.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the row exists already, or that a transition came
	// too late because the row has moved on.
	ErrConflict = errors.New("conflict")
	// ErrForeign says that it is not a database of capf.
	ErrForeign = errors.New("not a capf database")
	// ErrReadOnly says that the database cannot be written.
	ErrReadOnly = errors.New("the database is read-only")
	// ErrReadOnlyDisk is ErrReadOnly where nobody may write, not even root.
	ErrReadOnlyDisk = fmt.Errorf("%w: its filesystem is mounted read-only", ErrReadOnly)
	// ErrFull says that the disk is full; nothing was written.
	ErrFull = errors.New("the disk is full")
	// ErrDisk says that the system failed to read or write the disk for another
	// reason, which the system's log has.
	ErrDisk = errors.New("the disk failed")
	// ErrUnopened says that the system does not open the file, or one beside it.
	ErrUnopened = errors.New("the database file, or one that belongs beside it, cannot be opened")
	// ErrBusy says that another process kept the database locked for longer
	// than we wait.
	ErrBusy = errors.New("another process keeps the database locked")
	// ErrDamaged says that the content of the database contradicts itself.
	ErrDamaged = errors.New("the database is damaged")
	// ErrInUse says that another process has the database open, so that the file
	// cannot be exchanged.
	ErrInUse = errors.New("another process has the database open")
	// ErrReplaced says that what was opened is no longer the database, so that
	// writes would be lost.
	ErrReplaced = errors.New("the database is not the one that was opened")
)

// Conflict is ErrConflict with its reason.
type Conflict struct{ Reason string }

func (c *Conflict) Error() string { return ErrConflict.Error() + ": " + c.Reason }

// Unwrap returns ErrConflict.
func (c *Conflict) Unwrap() error { return ErrConflict }

// Database is an open database. Its errors are those of the driver; the domain
// translates them to the errors above.
type Database interface {
	// Readers makes a pool of read-only connections, at most that many; 0 means
	// no limit.
	Readers(connections int) (*sql.DB, error)
	// Writer makes the pool of the one connection through which this process
	// makes its changes.
	Writer() (*sql.DB, error)
	// BeginChange is the statement that begins a change and excludes all other
	// writers, in this process and others. It does not wait: while another
	// change is under way, it fails as busy.
	BeginChange() string
	// Changing is called when a new connection of the writer has begun its
	// first change.
	Changing()
	// KeepFor ensures that the database is not exchanged while the pool of
	// readers is open. change makes an empty change.
	KeepFor(ctx context.Context, readers *sql.DB, change func() error) error

	// Present returns ErrReplaced once the database has been replaced, and
	// keeps returning it. The writer calls it before and after each commit, so
	// it must cost next to nothing.
	Present() error
	// Release prepares the writer's connection for closing.
	Release(ctx context.Context, writer *sql.Conn) error
	// Untouchable reports that the connections must not even be closed, since
	// that would change what is now somebody else's database.
	Untouchable() bool

	// Version is the version of the schema, and Latest the newest that this capf
	// knows. Migrate runs the migrations behind a version, inside a transaction.
	Version(ctx context.Context, from Executor) (int, error)
	Latest() (int, error)
	Migrate(ctx context.Context, t Executor, version int, steps Steps) error
	// Schema returns the statements that create each table, index and trigger,
	// by kind and name; NewSchema returns those of a database that Migrate has
	// just made.
	Schema(ctx context.Context, from Executor) (map[string]string, error)
	NewSchema(ctx context.Context, steps Steps) (map[string]string, error)

	// Damages reads the whole database and yields what is wrong with it.
	Damages(ctx context.Context, readers *sql.DB) iter.Seq2[Damage, error]
	// Space returns the room on the disk.
	Space() (Space, error)
	// Trouble returns ErrFull or ErrReadOnlyDisk when the disk is in that state,
	// which explains a write that has failed.
	Trouble() error
	// Copy writes a copy of the database as it is at one moment.
	Copy(ctx context.Context, c Copy) (Copied, error)
}

// Executor is a transaction or a connection.
type Executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Steps are what migrations do beyond SQL, right after their scripts, by the
// names of those.
type Steps map[string]func(context.Context, Executor) error

// Damage is something that cannot be read, or that the schema does not allow.
type Damage struct {
	Object string // what it is about, such as a table and a row
	Text   string // what is wrong with it
}

// Space is the room on the disk of the database, in bytes.
type Space struct {
	Free int64            // for a user who is not root
	Used map[string]int64 // by the files of the database, if they exist: "database" and "log"
	// ReadOnly says that the filesystem is mounted read-only.
	ReadOnly bool
}
