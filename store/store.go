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
	"errors"
	"fmt"
	"os"
	"time"
)

// Options are the choices of an opener.
type Options struct {
	Now      func() time.Time // the clock; nil is time.Now
	ReadOnly bool             // every change ends with ErrReadOnly
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
