// Package store keeps the durable facts of CAPF: devices, requests,
// certificates, trust, parameters and events. It knows SQLite and the guarded
// transitions between states; it knows nothing of cryptography, of the wire or
// of the operator's words.
//
// Several processes may work on one file at the same time. An exported method
// that changes something is one transaction with one reading of the clock, and
// its event is written in that transaction; when it returns without an error,
// the change is on the disk.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
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

// Options are the choices of an opener.
type Options struct {
	Now      func() time.Time // the clock; nil is time.Now
	ReadOnly bool             // every change ends with ErrReadOnly
}

// Reader asks an open database, and can change nothing in it. Its methods may be
// called from any number of goroutines. Whoever opened the Store closes it.
type Reader struct {
	path     string
	options  Options
	points   *pool // for questions with one small answer
	lists    *pool // for answers that are streamed while the caller works
	presence *presence
}

// Store is an open database: the questions of its Reader, and the changes. Only
// the rules of enroll hold it; everybody else gets the Reader. Its methods may be
// called from any number of goroutines.
type Store struct {
	*Reader
	writer     *writer
	rehearsing bool // every change is undone
}

// Open opens the database at the path and brings an older schema up to date.
// Errors: ErrNotFound when there is no file (one is never made), ErrForeign,
// ErrNewer, ErrDamaged, and ErrReadOnly when the file or its folder cannot be
// written and o.ReadOnly does not say that this is expected.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := open(ctx, path, o)
	return s, failed(err, "opening database %q", path)
}

// exchangesSurvived is how often Open begins anew because the file has become
// another one.
const exchangesSurvived = 5

// open sees to it that what was opened is what is at the path. While Restore
// holds its lock, who has the old file open already waits for it, and would then
// work with a database that has gone.
func open(ctx context.Context, path string, o Options) (*Store, error) {
	for range exchangesSurvived {
		before, err := os.Stat(path)
		if err != nil {
			return openOnce(ctx, path, o)
		}
		s, err := openOnce(ctx, path, o)
		after, gone := os.Stat(path)
		if gone == nil && os.SameFile(before, after) {
			return s, err
		}
		if s != nil {
			err = errors.Join(err, s.Close())
		}
		if gone != nil {
			return nil, errors.Join(ErrNotFound, err)
		}
	}
	return nil, fmt.Errorf("%w: the file became another one %d times meanwhile", ErrBusy, exchangesSurvived)
}

func openOnce(ctx context.Context, path string, o Options) (*Store, error) {
	if err := examine(ctx, path); err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		if err := writable(path); err != nil {
			return nil, err
		}
	}
	s := &Store{Reader: &Reader{path: path, options: o}}
	var err error
	if s.presence, err = newPresence(ctx, path, o); err != nil {
		return nil, err
	}
	if s.points, err = newPool(path, o, pointReaders); err != nil {
		return nil, err
	}
	if s.lists, err = newPool(path, o, 0); err != nil {
		return nil, err
	}
	s.writer = newWriter(path, o, s.presence)
	err = s.migrate(ctx)
	if err == nil {
		err = s.holdFile(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// holdFile keeps Restore from exchanging the file while the Store is open: in
// the mode WAL a connection that has read keeps a lock, in others it does not.
func (s *Store) holdFile(ctx context.Context) error {
	var mode string
	if err := s.point(ctx, "PRAGMA journal_mode", nil, &mode); err != nil || mode == "wal" || s.options.ReadOnly {
		return err
	}
	// The writer's connection changes the mode, and the next question finds it
	// changed.
	if err := s.change(ctx, func(*tx) error { return nil }); err != nil {
		return err
	}
	var version int
	return s.point(ctx, "PRAGMA user_version", nil, &version)
}

// Close waits for the changes that are under way and closes the database.
// Changes that are asked for afterwards end with ErrClosed. Of a database that
// was moved away, everything stands in its own file then; one that another was
// copied over is left as it is, with its connections, until the process ends.
func (s *Store) Close() error {
	s.writer.finish()
	_ = s.presence.look() // what it finds decides how the connections are given up
	if _, taken := s.presence.fate(); taken {
		return nil
	}
	err := errors.Join(s.points.close(), s.lists.close(), s.writer.close())
	return failed(err, "closing database %q", s.path)
}

// Path is the path with which the database was opened.
func (s *Reader) Path() string { return s.path }

// change runs work in a transaction and answers when it is on the disk. The
// work shares the transaction with others, and when one of them fails it is
// undone and runs again: it must come to the same then.
func (s *Store) change(ctx context.Context, work func(*tx) error) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if s.rehearsing {
		return s.rehearse(ctx, work)
	}
	return s.writer.do(ctx, work, false)
}

// changeOnce is change for work that calls what a caller gave us, which might
// not bear to be called twice: it has a transaction to itself, which may take
// long.
func (s *Store) changeOnce(ctx context.Context, work func(*tx) error) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if s.rehearsing {
		return s.rehearse(ctx, work)
	}
	return s.writer.do(ctx, func(t *tx) error {
		if err := work(t); err != nil {
			return err
		}
		return t.holdLeases(s.options.Now())
	}, true)
}

// point asks for one row. The answer takes microseconds, so that a context
// that ends meanwhile is not worth the goroutine that would watch it.
func (s *Reader) point(ctx context.Context, query string, args []any, dest ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := s.points.prepare(query)
	if err != nil {
		return err
	}
	err = st.QueryRowContext(context.WithoutCancel(ctx), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
