package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// tx is a change in its transaction. Its statements run without a context:
// a change that has begun is completed.
type tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	now        time.Time // the one reading of the clock, in whole milliseconds
	head       chainHead // of the events
	scratch    []byte    // for hashing them
	note       string    // ends the detail of each event, of a change that needed approval
}

func (t *tx) prepare(query string) (*sql.Stmt, error) {
	if st := t.statements[query]; st != nil {
		return st, nil
	}
	st, err := t.conn.PrepareContext(context.Background(), query)
	if err == nil {
		t.statements[query] = st
	}
	return st, err
}

// roll begins, ends or divides the transaction.
func (t *tx) roll(query string) error {
	_, err := t.exec(query)
	return err
}

// exec returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	st, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := st.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// insert returns the id of the new row.
func (t *tx) insert(query string, args ...any) (int64, error) {
	st, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := st.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// answer is one row, or the error of reading it.
type answer struct {
	row *sql.Row
	err error
}

// Scan returns ErrNotFound when there is no row.
func (a answer) Scan(dest ...any) error {
	if a.err != nil {
		return a.err
	}
	err := a.row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

func (t *tx) row(query string, args ...any) answer {
	st, err := t.prepare(query)
	if err != nil {
		return answer{err: err}
	}
	return answer{row: st.QueryRow(args...)}
}
