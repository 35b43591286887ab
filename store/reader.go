package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"
	"sync"
	"unicode/utf8"
)

// pointReaders is how many connections answer small questions at the same
// time. An answer takes microseconds, more connections only cost memory.
const pointReaders = 4

// pool is a set of connections that cannot write, with the statements that
// were prepared on them: SQLite takes longer to prepare one than to run it.
type pool struct {
	db *sql.DB

	mu         sync.RWMutex
	statements map[string]*sql.Stmt // guarded by mu
}

// newPool makes a pool of at most so many connections, 0 for no limit.
func newPool(path string, o Options, connections int) (*pool, error) {
	how := forReading
	if o.ReadOnly {
		how = forLooking
	}
	db, err := connect(path, how)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(max(connections, 1))
	return &pool{db: db, statements: map[string]*sql.Stmt{}}, nil
}

func (p *pool) prepare(query string) (*sql.Stmt, error) {
	p.mu.RLock()
	st := p.statements[query]
	p.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := p.statements[query]; st != nil {
		return st, nil
	}
	st, err := p.db.Prepare(query)
	if err == nil {
		p.statements[query] = st
	}
	return st, err
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.statements {
		errs = append(errs, st.Close())
	}
	clear(p.statements)
	return errors.Join(append(errs, p.db.Close())...)
}

// stream yields the rows of a list one by one, so that a long one needs no
// memory. It holds no lock that a writer waits for. The last pair may be an
// error, which says what was being done.
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

// few asks for a handful of rows, which a phone's session waits for: like
// point, with a statement that is prepared already.
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

// count runs the question of a list as a count.
func (s *Reader) count(ctx context.Context, table string, q query) (n int64, err error) {
	q.selection, q.order = "SELECT count(*) FROM "+table, ""
	err = s.lists.db.QueryRowContext(ctx, q.String(), q.args...).Scan(&n)
	return n, err
}

// query is a SELECT that a filter adds terms to.
type query struct {
	selection string
	terms     []string
	args      []any
	order     string
}

func (q *query) where(term string, args ...any) {
	q.terms = append(q.terms, term)
	q.args = append(q.args, args...)
}

func (q query) String() string {
	text := q.selection
	if len(q.terms) > 0 {
		text += " WHERE " + strings.Join(q.terms, " AND ")
	}
	if q.order != "" {
		text += " ORDER BY " + q.order
	}
	return text
}

// named asks for a device name or, with * and ? in it, for all that match.
func (q *query) named(column, pattern string) {
	if pattern == "" {
		return
	}
	term, args := matching(column, pattern)
	q.where(term, args...)
}

// ofDevice asks for what belongs to the devices of a name or pattern, or did
// so when they were deleted. Only what is left of deleted ones is indexed by
// name.
func (q *query) ofDevice(pattern string) {
	if pattern == "" {
		return
	}
	living, args := matching("name", pattern)
	left, more := matching("device", pattern)
	q.where("(device_id IN (SELECT id FROM devices WHERE "+living+") OR device_id IS NULL AND "+left+")", append(args, more...)...)
}

// matching is a term for a column of names, which compares without regard to
// case. The text before the first wildcard becomes a range, for which the
// index of the column serves, as far as it is ASCII, as names are.
func matching(column, pattern string) (term string, args []any) {
	i := strings.IndexAny(pattern, "*?")
	if i < 0 {
		return column + " = ?", []any{pattern}
	}
	from := lowerASCII(pattern[:i])
	if i = strings.IndexFunc(from, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
		from = from[:i]
	}
	if last := len(from) - 1; last >= 0 {
		term = column + " >= ? AND " + column + " < ? AND "
		args = append(args, from, from[:last]+string([]byte{from[last] + 1}))
	}
	return term + "matches(?, " + column + ")", append(args, pattern)
}
