package server

import (
	"container/list"
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// turns lets the handshakes of one address after the other use the CAPF key.
// A handshake costs who begins it next to nothing and the server a private-key
// operation, by far the most of what a session costs it. Without turns, an
// address that makes hundreds of connections at once gets nearly all of them,
// and the phones at other addresses wait behind it; with them it gets as many as
// one phone that comes again and again.
type turns struct {
	mu      sync.Mutex
	free    int                         // guarded by mu: operations that may begin at once
	waiting map[netip.Prefix]*list.List // guarded by mu: of chan struct{}, first come first served
	order   []netip.Prefix              // guarded by mu: the keys of waiting, whose turn is next first
}

func newTurns() *turns {
	return &turns{free: runtime.GOMAXPROCS(0), waiting: map[netip.Prefix]*list.List{}}
}

// errNoTurn ends a handshake whose turn does not come while it has time.
var errNoTurn = errors.New("the server is busy with other handshakes")

// take waits for a turn of the neighbourhood, at most until the deadline, or
// until the session is gone. Whoever gets it gives it back.
func (t *turns) take(from netip.Prefix, gone <-chan struct{}, deadline time.Time) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	queue := t.waiting[from]
	if queue == nil {
		queue = list.New()
		t.waiting[from] = queue
		t.order = append(t.order, from)
	}
	mine := make(chan struct{})
	place := queue.PushBack(mine)
	t.mu.Unlock()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-mine:
		return nil
	case <-gone:
	case <-timer.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // it came meanwhile, and goes to the next
		t.next()
	default:
		queue.Remove(place)
	}
	return errNoTurn
}

// give passes a turn on, after all who can run now have had the time to come
// and wait for it: goroutines wait for a processor too, first come first served,
// and whoever floods us would have the turns in that queue.
func (t *turns) give() {
	runtime.Gosched()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next passes a turn on. The mutex is held.
func (t *turns) next() {
	for len(t.order) > 0 {
		from := t.order[0]
		t.order = t.order[1:]
		queue := t.waiting[from]
		first := queue.Front()
		if first != nil {
			close(queue.Remove(first).(chan struct{}))
		}
		if queue.Len() == 0 {
			delete(t.waiting, from)
		} else {
			t.order = append(t.order, from)
		}
		if first != nil {
			return
		}
	}
	t.free++
}

// networkName is the neighbourhood as people write it.
func networkName(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// neighbourhood is who shares a turn: an IPv4 address, or the IPv6 network
// whose addresses a single host may choose among.
func neighbourhood(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	// An address without a zone has a prefix of each length up to its own.
	p, _ := a.WithZone("").Prefix(bits)
	return p
}
