// Package turns lets the networks of phones use a private key, or the processors, in turn.
// It must not know what for.
package turns

import (
	"container/list"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Limiter lets networks use a private key in turn. A
// handshake costs the client next to nothing but the server a private-key
// operation, which is most of the cost of a session. Without turns, an address
// that opens hundreds of connections at once would get nearly all operations while
// the phones at other addresses wait. With turns, it gets as many as a single
// phone that keeps coming back.
type Limiter struct {
	mu      sync.Mutex
	free    int                         // guarded by mu: operations that may begin now
	waiting map[netip.Prefix]*list.List // guarded by mu: queues of chan struct{}, first come first served
	order   []netip.Prefix              // guarded by mu: the keys of waiting, the next one first
}

// New returns a limiter with as many turns at a time as there are processors.
func New() *Limiter {
	return &Limiter{free: runtime.GOMAXPROCS(0), waiting: map[netip.Prefix]*list.List{}}
}

// ErrNoTurn says that a turn did not come before its deadline.
var ErrNoTurn = errors.New("the server is busy with other phones")

// Acquire waits for a turn of the network until the deadline, or until gone is
// closed. A caller that gets a turn must release it.
func (l *Limiter) Acquire(from netip.Prefix, gone <-chan struct{}, deadline time.Time) error {
	l.mu.Lock()
	if l.free > 0 {
		l.free--
		l.mu.Unlock()
		return nil
	}
	queue := l.waiting[from]
	if queue == nil {
		queue = list.New()
		l.waiting[from] = queue
		l.order = append(l.order, from)
	}
	mine := make(chan struct{})
	place := queue.PushBack(mine)
	l.mu.Unlock()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-mine:
		return nil
	case <-gone:
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-mine: // the turn came meanwhile: pass it on
		l.next()
	default:
		queue.Remove(place)
	}
	return ErrNoTurn
}

// Release passes a turn on. First it yields to the runnable goroutines: they
// queue for a processor too, first come first served, and a flood of connections
// would otherwise get all turns by its place in that queue.
func (l *Limiter) Release() {
	runtime.Gosched()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next()
}

// next passes a turn on. The mutex is held.
func (l *Limiter) next() {
	for len(l.order) > 0 {
		from := l.order[0]
		l.order = l.order[1:]
		queue := l.waiting[from]
		first := queue.Front()
		if first != nil {
			close(queue.Remove(first).(chan struct{}))
		}
		if queue.Len() == 0 {
			delete(l.waiting, from)
		} else {
			l.order = append(l.order, from)
		}
		if first != nil {
			return
		}
	}
	l.free++
}
