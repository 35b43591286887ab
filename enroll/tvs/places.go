package tvs

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"
)

// places are the open connections of a listener, and the limit on them. The mutex
// guards all fields.
type places struct {
	mu         sync.Mutex
	most       int
	open       *list.List // of *connection, the oldest first
	at         map[*connection]*list.Element
	perNetwork map[netip.Prefix]int
	draining   bool
	empty      chan struct{} // closed when the last one ends while draining
}

func newPlaces(most int) *places {
	return &places{most: most, open: list.New(), at: map[*connection]*list.Element{}, perNetwork: map[netip.Prefix]int{}, empty: make(chan struct{})}
}

// add gives a connection a place. When all are taken, the oldest connection makes room:
// a phone has its answer within a moment. A network with more than its share of
// connections gets no room, since it would only keep coming back.
func (p *places) add(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return false
	}
	if p.open.Len() >= p.most {
		if p.perNetwork[c.network]*len(p.perNetwork) > p.open.Len() {
			return false
		}
		p.displace()
	}
	p.at[c] = p.open.PushBack(c)
	p.perNetwork[c.network]++
	return true
}

func (p *places) remove(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at[c] != nil {
		p.drop(c)
	}
}

// makeRoom ends the oldest connection, if there is one.
func (p *places) makeRoom() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.displace()
}

// displace is makeRoom. The mutex is held.
func (p *places) displace() {
	if first := p.open.Front(); first != nil {
		c := first.Value.(*connection)
		c.cut()
		p.drop(c)
	}
}

// drop takes a connection out. The mutex is held.
func (p *places) drop(c *connection) {
	p.open.Remove(p.at[c])
	delete(p.at, c)
	if p.perNetwork[c.network]--; p.perNetwork[c.network] == 0 {
		delete(p.perNetwork, c.network)
	}
	if p.draining && p.open.Len() == 0 {
		close(p.empty)
	}
}

// waits says that a connection waits for a question until a time. It is false when no
// more are answered.
func (p *places) waits(c *connection, until time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return false
	}
	c.waiting = true
	c.tcp.SetReadDeadline(until)
	return true
}

// asked says that a question has come.
func (p *places) asked(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.waiting = false
}

// drain ends the connections that wait for a question at once, and the others when they
// have their answer, at the latest when ctx ends.
func (p *places) drain(ctx context.Context) {
	p.mu.Lock()
	p.draining = true
	if p.open.Len() == 0 {
		close(p.empty)
	}
	for c := range p.at {
		if c.waiting {
			c.tcp.SetReadDeadline(time.Unix(1, 0))
		}
	}
	p.mu.Unlock()
	select {
	case <-p.empty:
		return
	case <-ctx.Done():
	}
	p.mu.Lock()
	for c := range p.at {
		c.cut()
	}
	p.mu.Unlock()
	<-p.empty
}
