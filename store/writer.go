package store

import (
	"capf/store/engine"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	batchLimit = 256 // changes in one transaction
	// The import of 100,000 certificates is one transaction of several seconds,
	// more on a busy machine, and no phone may fail because of it.
	lockWait = time.Minute
	// A commit costs more than the change in it: each page that it touches is
	// written, and then the disk is waited for. So when several changes went
	// together and the next follows this closely, it is held back for a moment,
	// and those that come meanwhile go with it. The moment grows with the number
	// that went together: sixteen phones keep the cores busy while some of them
	// are held back, three do not. A phone alone makes one change after the other
	// and is never held back.
	closely  = 10 * time.Millisecond
	holdEach = time.Millisecond
	holdMost = 8 * time.Millisecond
	plenty   = 32 // changes are not held back for more

	// A writer that never pauses would keep other processes out: SQLite has no
	// queue for its lock. So after so long a streak it leaves the lock alone
	// for a moment in which a process that waits, which looks more often than
	// that, will find it free.
	streakLimit = 50 * time.Millisecond
	courtesy    = time.Millisecond
	lookFrom    = 200 * time.Microsecond
	lookTo      = 700 * time.Microsecond
)

// writer runs changes. Those that wait at the same time share a transaction
// and so its fsync, yet one that fails undoes only its own. Its goroutine lives
// while there is something to do.
type writer struct {
	engine engine.Database
	now    func() time.Time // for what is recorded
	moment func() time.Time // for the order of transactions
	rest   func(time.Duration)

	mu      sync.Mutex
	waiting []*job        // guarded by mu
	running bool          // guarded by mu: the goroutine lives
	closed  bool          // guarded by mu
	idle    chan struct{} // guarded by mu: closed when the goroutine ends, nil unless it lives

	// The rest belongs to the goroutine.
	db         *sql.DB
	conn       *sql.Conn
	known      bool // the engine knows that conn makes changes
	statements map[string]*sql.Stmt
	streak     time.Time // since when the lock has been taken again and again
	released   time.Time
	last       int // how many changes were in the last transaction

	commits, changes atomic.Int64 // for the benchmark
}

// job is a change that waits or runs.
type job struct {
	ctx   context.Context
	work  func(*tx) error // runs again, unless alone, when a neighbour's failure undid it
	alone bool            // has a transaction to itself, and so runs once
	taken atomic.Bool     // by the writer, or by its caller who gives up
	done  chan struct{}
	err   error
	panic any // what work panicked with
}

func newWriter(db engine.Database, now func() time.Time) *writer {
	return &writer{engine: db, now: now, moment: time.Now, rest: time.Sleep, statements: map[string]*sql.Stmt{}}
}

// do runs the work in a transaction and returns when it has been committed. A
// context that ends while the work waits, for its turn or for the lock, takes it
// out of the queue, and so does the end of lockWait; after that the outcome is
// waited for, because the caller must know it.
func (w *writer) do(ctx context.Context, work func(*tx) error, alone bool) error {
	j := &job{ctx: ctx, work: work, alone: alone, done: make(chan struct{})}
	if err := w.enqueue(j); err != nil {
		return err
	}
	patience := time.NewTimer(lockWait)
	defer patience.Stop()
	var givenUp error
	select {
	case <-j.done:
	case <-ctx.Done():
		givenUp = ctx.Err()
	case <-patience.C:
		givenUp = ErrBusy
	}
	if givenUp != nil {
		if j.taken.CompareAndSwap(false, true) {
			return givenUp
		}
		<-j.done
	}
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (w *writer) enqueue(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.waiting = append(w.waiting, j)
	if !w.running {
		w.running, w.idle = true, make(chan struct{})
		go w.run()
	}
	return nil
}

// close waits for the queue to empty.
func (w *writer) close() error {
	w.finish()
	var err error
	if w.conn != nil {
		err = w.engine.Release(context.Background(), w.conn)
	}
	return errors.Join(err, w.disconnect())
}

// finish takes no more changes and waits for those that are in the queue.
func (w *writer) finish() {
	w.mu.Lock()
	w.closed = true
	idle := w.idle
	w.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// run takes changes out of the queue only when it has the lock, so that whoever
// asked for one may give up until then.
func (w *writer) run() {
	for w.goOn() {
		w.gather()
		t, err := w.begin(w.wanted)
		if isBusy(err) {
			continue // all have given up
		}
		batch := w.take()
		switch {
		case err != nil:
			fail(batch, err)
		case batch == nil:
			w.rollback(t)
		default:
			w.transact(t, batch)
		}
		for _, j := range batch {
			close(j.done)
		}
	}
}

// goOn says whether a change waits; when none does, the goroutine is to end.
func (w *writer) goOn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.prune() {
		return true
	}
	w.running, w.waiting = false, nil
	close(w.idle)
	w.idle = nil
	return false
}

// wanted says whether a change waits.
func (w *writer) wanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.prune()
}

// prune drops the first jobs as far as their callers have given up, and says
// whether one is left. The mutex is held.
func (w *writer) prune() bool {
	for len(w.waiting) > 0 && w.waiting[0].abandoned() {
		w.waiting = w.waiting[1:]
	}
	return len(w.waiting) > 0
}

// abandoned says whether the caller of a job that nobody has taken has given up.
func (j *job) abandoned() bool { return j.taken.Load() || j.ctx.Err() != nil }

// gather lets changes come together.
func (w *writer) gather() {
	w.mu.Lock()
	n, closed := len(w.waiting), w.closed
	w.mu.Unlock()
	if 0 < n && n < plenty && !closed && w.moment().Sub(w.released) < closely {
		w.rest(w.pause())
	}
}

// pause is for how long changes that follow the last transaction closely are
// held back.
func (w *writer) pause() time.Duration {
	if w.last < 2 {
		return 0
	}
	return min(time.Duration(w.last)*holdEach, holdMost)
}

// take returns the next jobs whose callers still wait, or nil when there are
// none.
func (w *writer) take() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	var batch []*job
	for len(w.waiting) > 0 && len(batch) < batchLimit {
		j := w.waiting[0]
		if j.alone && batch != nil {
			break
		}
		w.waiting = w.waiting[1:]
		if j.ctx.Err() != nil || !j.taken.CompareAndSwap(false, true) {
			continue
		}
		batch = append(batch, j)
		if j.alone {
			break
		}
	}
	return batch
}

// transact runs the jobs in the transaction and sets their outcomes. They
// seldom fail, so they run without savepoints first: one costs a copy of each
// page that the job changes.
func (w *writer) transact(t *tx, batch []*job) {
	defer func() { w.released, w.last = w.moment(), len(batch) }()
	if !w.together(t, batch) {
		w.apart(batch)
	}
}

// together runs the jobs as one. When there are several and one of them fails,
// it undoes them all and returns false.
func (w *writer) together(t *tx, batch []*job) bool {
	for _, j := range batch {
		if !w.attempt(t, j) {
			w.rollback(t)
			return len(batch) == 1
		}
	}
	w.commit(t, batch)
	return true
}

// apart runs each job inside a savepoint, so that a failure undoes only its
// own. Another process may have come in between; the jobs are taken, and so wait
// for it.
func (w *writer) apart(batch []*job) {
	deadline := time.Now().Add(lockWait)
	t, err := w.begin(func() bool { return time.Now().Before(deadline) })
	if err != nil {
		fail(batch, err)
		return
	}
	for i, j := range batch {
		if w.step(t, j) {
			continue
		}
		// SQLite has rolled back everything, for want of space or memory.
		fail(batch[:i+1], j.err)
		w.rollback(t)
		if rest := batch[i+1:]; len(rest) > 0 {
			w.apart(rest)
		}
		return
	}
	w.commit(t, batch)
}

// step runs one job. It returns false when the whole transaction is lost.
func (w *writer) step(t *tx, j *job) bool {
	if j.err = t.roll("SAVEPOINT change"); j.err != nil {
		return false
	}
	head := t.head
	if !w.attempt(t, j) {
		t.head = head
		if err := t.roll("ROLLBACK TO change"); err != nil {
			j.err = errors.Join(j.err, err)
			return false
		}
	}
	if err := t.roll("RELEASE change"); err != nil {
		j.err = errors.Join(j.err, err)
		return false
	}
	return true
}

func (w *writer) commit(t *tx, batch []*job) {
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
	// Nobody is told that a change is kept which has gone with its file.
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

// fail gives the error to all jobs that have none of their own.
func fail(batch []*job, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = err
		}
	}
}

// attempt runs the work and keeps its panic for the goroutine that asked.
func (w *writer) attempt(t *tx, j *job) (good bool) {
	defer func() {
		if p := recover(); p != nil {
			j.panic = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
			good = false
		}
	}()
	t.now = w.now().Truncate(time.Millisecond).UTC()
	j.err, j.panic = nil, nil
	j.err = j.work(t)
	return j.err == nil
}

// begin starts a transaction with the write lock, for which it waits as long as
// that is worth it.
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

// unlocked tries until the database is not locked, or waiting for that is not
// worth it any more.
func unlocked(worth func() bool, try func() error) error {
	for {
		if err := try(); !isBusy(err) || !worth() {
			return err
		}
		time.Sleep(lookFrom + rand.N(lookTo-lookFrom))
	}
}

// yield rests after a streak of transactions without a pause.
func (w *writer) yield() {
	now := w.moment()
	if now.Sub(w.released) > courtesy {
		w.streak = now
		return
	}
	if now.Sub(w.streak) > streakLimit {
		w.rest(courtesy)
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
