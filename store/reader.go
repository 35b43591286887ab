package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"capf/store/engine"
)

// Reader queries an open database and cannot change it. Its methods are safe for
// concurrent use. Whoever opened the Store closes it.
type Reader struct {
	path    string
	options Options
	engine  engine.Database
	points  *pool // for queries with one small answer
	lists   *pool // for answers that are streamed while the caller works
}

// stream yields the rows of a list one by one, so that memory does not grow
// with the list. It holds no lock that a writer waits for. The last pair
// may be an error, which says what was being done.
func stream[T any](ctx context.Context, s *Reader, doing string, q query, fields func(*T) []any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := s.lists.db.QueryContext(ctx, q.String(), q.args...)
		if err != nil {
			yield(none, failed(err, "%s", doing))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var v T
			if err := rows.Scan(fields(&v)...); err != nil {
				yield(none, failed(err, "%s", doing))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, failed(err, "%s", doing))
		}
	}
}

// collect is for lists that are short by their nature.
func collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range list {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// few queries a handful of rows for which a phone's session waits: like
// point, with a prepared statement.
func few[T any](ctx context.Context, s *Reader, query string, args []any, fields func(*T) []any) ([]T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, err := s.points.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := st.QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return nil, err
	}
	return scanned(rows, fields)
}

// scanned reads all rows of an answer.
func scanned[T any](rows *sql.Rows, fields func(*T) []any) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(fields(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// count runs the query of a list as a count.
func (s *Reader) count(ctx context.Context, table string, q query) (n int64, err error) {
	q.selection, q.order = "SELECT count(*) FROM "+table, ""
	err = s.lists.db.QueryRowContext(ctx, q.String(), q.args...).Scan(&n)
	return n, err
}

// Path is the path with which the database was opened.
func (s *Reader) Path() string { return s.path }

// point queries one row. The answer takes microseconds, so watching the
// context would not be worth a goroutine.
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

// Present returns ErrReplaced, with what has happened, when the open file is no
// longer the database at its path. From then on no change is made or confirmed.
// A process that keeps the Store open calls it regularly.
func (s *Reader) Present() error { return s.engine.Present() }

// Space asks the system, not the database, so that it works even when nothing
// can be written to the disk.
func (s *Reader) Space() (Space, error) {
	v, err := s.engine.Space()
	return v, failed(err, "asking for the room on the disk of %q", s.path)
}
