// Package store keeps the durable facts of CAPF: devices, requests,
// certificates, trust, parameters and events. It knows SQL and the guarded
// transitions between states; it knows nothing of cryptography, the wire or
// command lines.
//
// Several processes may work on one file at the same time. An exported method
// that changes something is one transaction with one reading of the clock, and
// its event is written in that transaction; when it returns without an error,
// the change is on the disk.
package store

import (
	"context"
	"errors"
	"time"
)

// Options are the choices of an opener.
type Options struct {
	Now      func() time.Time // the clock; nil means time.Now
	ReadOnly bool             // every change fails with ErrReadOnly
}

// Store is an open database: the questions of its Reader, and the changes. Only
// the rules of enroll make changes; everything else asks the Reader. Its methods may be
// called from any number of goroutines.
type Store struct {
	*Reader
	writer     *writer
	rehearsing bool      // every change is undone
	approval   *approval // nil, but for a change that needs one
}

// Create makes the database with mode 0600, and its folder with 0700 when that
// is missing too, and opens it. A database that exists is opened as Open does.
// The file appears complete or not at all, and of several processes that
// create it at the same time one does and the others open what it made. What
// root makes in somebody's folder belongs to him.
func Create(ctx context.Context, path string, o Options) (*Store, error) {
	if !o.ReadOnly {
		if err := createDatabase(ctx, path); err != nil {
			return nil, failed(err, "creating database %q", path)
		}
	}
	return Open(ctx, path, o)
}

// Open opens the database at the path and brings an older schema up to date.
// Errors: ErrNotFound when there is no file (one is never made), ErrForeign,
// ErrNewer, ErrDamaged, and ErrReadOnly when the file or its folder cannot be
// written and o.ReadOnly does not say that this is expected.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	var s *Store
	err := settled(path, func() (err error) {
		s, err = open(ctx, path, o)
		return err
	}, func() error {
		if s == nil {
			return nil
		}
		return s.Close()
	})
	if err != nil {
		return nil, failed(err, "opening database %q", path)
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (*Store, error) {
	db, err := openEngine(ctx, path, o)
	if err != nil {
		return nil, err
	}
	s := &Store{Reader: &Reader{path: path, options: o, engine: db}}
	if s.points, err = newPool(db, pointReaders); err != nil {
		return nil, err
	}
	if s.lists, err = newPool(db, 0); err != nil {
		return nil, err
	}
	s.writer = newWriter(db, o.Now)
	err = s.migrate(ctx)
	if err == nil {
		err = db.KeepFor(ctx, s.points.db, func() error { return s.change(ctx, func(*tx) error { return nil }) })
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for the changes that are under way and closes the database.
// Later changes fail with ErrClosed. A database that was moved away is
// complete in its own file afterwards; one that was overwritten by another is
// left alone, with its connections, until the process ends.
func (s *Store) Close() error {
	s.writer.finish()
	if s.engine.Untouchable() {
		return nil
	}
	err := errors.Join(s.points.close(), s.lists.close(), s.writer.close())
	return failed(err, "closing database %q", s.path)
}

// change runs work in a transaction and returns when it is on the disk. The
// work shares the transaction with others; when one of them fails, it is
// undone and runs again, so it must be repeatable.
func (s *Store) change(ctx context.Context, work func(*tx) error) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if s.rehearsing {
		return s.rehearse(ctx, work)
	}
	return s.approved(work, func(work func(*tx) error) error { return s.writer.do(ctx, work, false) })
}

// approved has a change done with the approval that it needs, if it needs one.
func (s *Store) approved(work func(*tx) error, do func(func(*tx) error) error) error {
	if s.approval == nil {
		return do(work)
	}
	err := do(s.approval.around(work))
	s.approval.begun = s.approval.begun || err == nil
	return err
}

// changeOnce is change for work that calls a caller's function, which may not
// be repeatable. It has its own transaction, which may take long.
func (s *Store) changeOnce(ctx context.Context, work func(*tx) error) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if s.rehearsing {
		return s.rehearse(ctx, work)
	}
	return s.approved(work, func(work func(*tx) error) error {
		return s.writer.do(ctx, func(t *tx) error {
			if err := work(t); err != nil {
				return err
			}
			return holdLeases(t, s.options.Now())
		}, true)
	})
}
