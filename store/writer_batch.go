package store

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// transact runs the changes in the transaction and sets their outcomes. They
// seldom fail, so they first run without savepoints, each of which costs a
// copy of every page that it touches.
func (w *writer) transact(t *tx, batch []*change) {
	defer func() { w.released, w.last = w.moment(), len(batch) }()
	if !w.runTogether(t, batch) {
		w.runSeparately(batch)
	}
}

// runTogether runs the changes as one. If one of several fails, it undoes them all
// and returns false.
func (w *writer) runTogether(t *tx, batch []*change) bool {
	for _, c := range batch {
		if !w.attempt(t, c) {
			w.rollback(t)
			return len(batch) == 1
		}
	}
	w.commit(t, batch)
	return true
}

// runSeparately runs each change in its own savepoint, so that a failure undoes only that
// change. Another process may have got the lock in between; the changes are taken
// already, so they wait for it.
func (w *writer) runSeparately(batch []*change) {
	deadline := time.Now().Add(lockWait)
	t, err := w.begin(func() bool { return time.Now().Before(deadline) })
	if err != nil {
		fail(batch, err)
		return
	}
	for i, c := range batch {
		if w.runOne(t, c) {
			continue
		}
		// SQLite has rolled back everything, for lack of space or memory.
		fail(batch[:i+1], c.err)
		w.rollback(t)
		if rest := batch[i+1:]; len(rest) > 0 {
			w.runSeparately(rest)
		}
		return
	}
	w.commit(t, batch)
}

// runOne runs one change. It returns false when the whole transaction is lost.
func (w *writer) runOne(t *tx, c *change) bool {
	if c.err = t.roll("SAVEPOINT change"); c.err != nil {
		return false
	}
	head := t.head
	if !w.attempt(t, c) {
		t.head = head
		if err := t.roll("ROLLBACK TO change"); err != nil {
			c.err = errors.Join(c.err, err)
			return false
		}
	}
	if err := t.roll("RELEASE change"); err != nil {
		c.err = errors.Join(c.err, err)
		return false
	}
	return true
}

func (w *writer) commit(t *tx, batch []*change) {
	err := t.writeHead()
	if err == nil {
		err = w.engine.Present()
	}
	if err == nil {
		err = t.roll("COMMIT")
	}
	if err != nil {
		fail(batch, err)
		w.rollback(t)
		return
	}
	w.commits.Add(1)
	w.changes.Add(int64(len(batch)))
	// A change in a file that has been replaced must not be confirmed.
	if err := w.engine.Present(); err != nil {
		fail(batch, err)
	}
}

// rollback leaves no transaction open. Where SQLite has rolled back by itself
// the statement fails, and a new connection for the next batch does no harm.
func (w *writer) rollback(t *tx) {
	if err := t.roll("ROLLBACK"); err != nil {
		_ = w.disconnect()
	}
}

// fail gives the error to all changes that have none of their own.
func fail(batch []*change, err error) {
	for _, c := range batch {
		if c.err == nil {
			c.err = err
		}
	}
}

// attempt runs the work and saves its panic for the calling goroutine.
func (w *writer) attempt(t *tx, c *change) (good bool) {
	defer func() {
		if p := recover(); p != nil {
			c.panic = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
			good = false
		}
	}()
	t.now = w.now().Truncate(time.Millisecond).UTC()
	c.err, c.panic = nil, nil
	c.err = c.work(t)
	return c.err == nil
}
