package term

import (
	"io"
	"sync"
)

// queue keeps what is written to a slow reader, so that the writer need not wait: a list
// holds the database open until its last row is written, and a person reads for hours.
type queue struct {
	to   io.WriteCloser
	done chan struct{}

	mu     sync.Mutex
	more   *sync.Cond // at any change
	text   []byte     // guarded by mu, like all below
	closed bool
	err    error
}

func newQueue(to io.WriteCloser) *queue {
	q := &queue{to: to, done: make(chan struct{})}
	q.more = sync.NewCond(&q.mu)
	go q.pass()
	return q
}

// Write returns the error of an earlier piece, of a reader that has gone.
func (q *queue) Write(text []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return 0, q.err
	}
	q.text = append(q.text, text...)
	q.more.Signal()
	return len(text), nil
}

// pass passes on what was written, until the end or until the reader has gone.
func (q *queue) pass() {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.text) == 0 && !q.closed {
			q.more.Wait()
		}
		text := q.text
		q.text = nil
		q.mu.Unlock()
		if len(text) == 0 {
			return
		}
		if _, err := q.to.Write(text); err != nil {
			q.mu.Lock()
			q.err = err
			q.mu.Unlock()
			return
		}
	}
}

// close waits until the reader has read everything or gone.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.more.Signal()
	q.mu.Unlock()
	<-q.done
	q.to.Close()
}
