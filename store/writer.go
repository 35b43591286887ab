package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"capf/store/engine"
)

const (
	batchLimit = 256 // changes in one transaction
	// The import of 100,000 certificates is one transaction of several seconds,
	// longer on a busy machine, and must not make a phone fail.
	lockWait = time.Minute
	// A commit costs more than the change in it: each page that it touches is
	// written, and then the disk is waited for. So when several changes went
	// together and the next follows within holdWindow, it is held back for a moment,
	// and those that come meanwhile go with it. The moment grows with the number
	// that went together: sixteen phones keep the cores busy while some of them
	// are held back, three do not. A phone alone makes one change after the other
	// and is never held back.
	holdWindow = 10 * time.Millisecond
	holdEach   = time.Millisecond
	holdMost   = 8 * time.Millisecond
	holdQueue  = 32 // changes are not held back for more

	// A writer that never pauses would keep other processes out: SQLite has no
	// queue for its lock. So after so long a streak it leaves the lock alone
	// for a moment in which a process that waits, which looks more often than
	// that, will find it free.
	streakLimit = 50 * time.Millisecond
	courtesy    = time.Millisecond
	lookFrom    = 200 * time.Microsecond
	lookTo      = 700 * time.Microsecond
)

// writer runs changes. Changes that wait at the same time share a transaction,
// and so its fsync; one that fails undoes only its own work. The goroutine
// lives while there is something to do.
type writer struct {
	engine engine.Database
	now    func() time.Time // for what is recorded
	moment func() time.Time // for the order of transactions
	sleep  func(time.Duration)

	mu      sync.Mutex
	waiting []*change     // guarded by mu
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

// change is a change that waits or runs.
type change struct {
	ctx   context.Context
	work  func(*tx) error // runs again, unless alone, if a neighbour's failure undid it
	alone bool            // has a transaction to itself, and so runs once
	taken atomic.Bool     // by the writer, or by a caller that gives up
	done  chan struct{}
	err   error
	panic any // what work panicked with
}

func newWriter(db engine.Database, now func() time.Time) *writer {
	return &writer{engine: db, now: now, moment: time.Now, sleep: time.Sleep, statements: map[string]*sql.Stmt{}}
}

// do runs the work in a transaction and returns when it has been committed. A
// context that ends while the work waits, for its turn or for the lock, takes it
// out of the queue, and so does the end of lockWait; after that the outcome is
// waited for, because the caller must know it.
func (w *writer) do(ctx context.Context, work func(*tx) error, alone bool) error {
	c := &change{ctx: ctx, work: work, alone: alone, done: make(chan struct{})}
	if err := w.enqueue(c); err != nil {
		return err
	}
	patience := time.NewTimer(lockWait)
	defer patience.Stop()
	var givenUp error
	select {
	case <-c.done:
	case <-ctx.Done():
		givenUp = ctx.Err()
	case <-patience.C:
		givenUp = ErrBusy
	}
	if givenUp != nil {
		if c.taken.CompareAndSwap(false, true) {
			return givenUp
		}
		<-c.done
	}
	if c.panic != nil {
		panic(c.panic)
	}
	return c.err
}

func (w *writer) enqueue(c *change) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.waiting = append(w.waiting, c)
	if !w.running {
		w.running, w.idle = true, make(chan struct{})
		go w.run()
	}
	return nil
}

// close waits until the queue is empty.
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

// run takes changes out of the queue only when it has the lock, so that callers
// can give up until then.
func (w *writer) run() {
	for w.keepRunning() {
		w.holdBack()
		t, err := w.begin(w.hasWaiting)
		if isBusy(err) {
			continue // all have given up
		}
		batch := w.nextBatch()
		switch {
		case err != nil:
			fail(batch, err)
		case batch == nil:
			w.rollback(t)
		default:
			w.transact(t, batch)
		}
		for _, c := range batch {
			close(c.done)
		}
	}
}

// keepRunning reports whether a change waits; when none does, the goroutine ends.
func (w *writer) keepRunning() bool {
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

// hasWaiting reports whether a change waits.
func (w *writer) hasWaiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.prune()
}

// prune drops changes at the head of the queue whose callers have given up, and
// reports whether one is left. The mutex is held.
func (w *writer) prune() bool {
	for len(w.waiting) > 0 && w.waiting[0].abandoned() {
		w.waiting = w.waiting[1:]
	}
	return len(w.waiting) > 0
}

// abandoned reports whether the caller of an untaken change has given up.
func (c *change) abandoned() bool { return c.taken.Load() || c.ctx.Err() != nil }

// holdBack waits briefly so that more changes join the transaction.
func (w *writer) holdBack() {
	w.mu.Lock()
	n, closed := len(w.waiting), w.closed
	w.mu.Unlock()
	if 0 < n && n < holdQueue && !closed && w.moment().Sub(w.released) < holdWindow {
		w.sleep(w.pause())
	}
}

// pause returns how long changes that closely follow the last transaction
// are held back.
func (w *writer) pause() time.Duration {
	if w.last < 2 {
		return 0
	}
	return min(time.Duration(w.last)*holdEach, holdMost)
}

// nextBatch returns the next changes whose callers still wait, or nil when there are
// none.
func (w *writer) nextBatch() []*change {
	w.mu.Lock()
	defer w.mu.Unlock()
	var batch []*change
	for len(w.waiting) > 0 && len(batch) < batchLimit {
		c := w.waiting[0]
		if c.alone && batch != nil {
			break
		}
		w.waiting = w.waiting[1:]
		if c.ctx.Err() != nil || !c.taken.CompareAndSwap(false, true) {
			continue
		}
		batch = append(batch, c)
		if c.alone {
			break
		}
	}
	return batch
}
