package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// begin starts a transaction with the write lock, for which it waits as long as
// a caller does.
func (w *writer) begin(worth func() bool) (*tx, error) {
	w.yield()
	if err := w.connect(worth); err != nil {
		return nil, err
	}
	t := &tx{conn: w.conn, statements: w.statements}
	err := unlocked(worth, func() error { return t.roll(w.engine.BeginChange()) })
	if err == nil && !w.known {
		w.engine.Changing()
		w.known = true
	}
	return t, err
}

// unlocked retries until the database is not locked or no caller waits any
// more.
func unlocked(worth func() bool, try func() error) error {
	for {
		if err := try(); !isBusy(err) || !worth() {
			return err
		}
		time.Sleep(lookFrom + rand.N(lookTo-lookFrom))
	}
}

// yield pauses after a streak of transactions.
func (w *writer) yield() {
	now := w.moment()
	if now.Sub(w.released) > courtesy {
		w.streak = now
		return
	}
	if now.Sub(w.streak) > streakLimit {
		w.sleep(courtesy)
		w.streak = w.moment()
	}
}

func (w *writer) connect(worth func() bool) (err error) {
	if w.conn != nil {
		return nil
	}
	if w.db, err = w.engine.Writer(); err != nil {
		return err
	}
	err = unlocked(worth, func() (err error) {
		w.conn, err = w.db.Conn(context.Background())
		return err
	})
	if err != nil {
		return errors.Join(err, w.disconnect())
	}
	return nil
}

func (w *writer) disconnect() error {
	var errs []error
	for _, st := range w.statements {
		errs = append(errs, st.Close())
	}
	clear(w.statements)
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	if w.db != nil {
		errs = append(errs, w.db.Close())
	}
	w.conn, w.db, w.known = nil, nil, false
	return errors.Join(errs...)
}
