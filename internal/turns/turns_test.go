package turns

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// queue holds all turns, lets others wait for one in the order of their names,
// and returns a function that gives the turns one by one and says to whom.
func queue(t *testing.T, all *Limiter, who ...string) (serve func() []string) {
	t.Helper()
	all.free = 0
	got := make(chan string)
	for _, name := range who {
		go func() {
			if err := all.Acquire(place(name), nil, time.Now().Add(time.Hour)); err != nil {
				name = err.Error()
			}
			got <- name
		}()
		synctest.Wait() // it waits behind those before it
	}
	return func() (order []string) {
		for range who {
			all.Release()
			order = append(order, <-got)
		}
		return order
	}
}

// place is the network of a name of one letter.
func place(name string) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, name[0]}), 32)
}

// TestHandshakeTurns: an address that comes often waits for itself, and the others do
// not wait for it.
func TestHandshakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := New()
		serve := queue(t, all, "A", "A", "A", "A", "B", "C", "B")
		if got, want := serve(), []string{"A", "B", "C", "A", "B", "A", "A"}; !slices.Equal(got, want) {
			t.Errorf("the turns went to %v, not %v", got, want)
		}
		for range 7 { // as each does that got one
			all.Release()
		}
		if all.free != 7 || len(all.waiting) != 0 || len(all.order) != 0 {
			t.Errorf("afterwards %d are free, %v wait, %v are next", all.free, all.waiting, all.order)
		}
	})
}

// TestHandshakeTurnLeft: a handshake that gives up, or has no time left, holds none
// up.
func TestHandshakeTurnLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := New()
		all.free = 0
		gone := make(chan struct{})
		left := make(chan error)
		go func() { left <- all.Acquire(place("A"), gone, time.Now().Add(time.Hour)) }()
		synctest.Wait()
		close(gone)
		if err := <-left; err != ErrNoTurn {
			t.Errorf("who is gone got %v", err)
		}
		if err := all.Acquire(place("A"), nil, time.Now()); err != ErrNoTurn {
			t.Errorf("who has no time got %v", err)
		}
		if got := queue(t, all, "B")(); !slices.Equal(got, []string{"B"}) {
			t.Errorf("the turn went to %v", got)
		}
		all.Release()
		if all.free != 1 {
			t.Errorf("%d turns are free", all.free)
		}
	})
}

// TestHandshakeTurnTooLate: a turn that comes to a handshake which has just given up
// goes to the next one. Which of the two it sees first is up to chance, so the test
// tries until it has given up.
func TestHandshakeTurnTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 1000 {
			all := New()
			all.free = 0
			gone := make(chan struct{})
			left := make(chan error)
			go func() { left <- all.Acquire(place("A"), gone, time.Now().Add(time.Hour)) }()
			synctest.Wait()
			all.mu.Lock() // it cannot leave before it has got its turn
			close(gone)
			all.next()
			all.mu.Unlock()
			if err := <-left; err == nil {
				continue // it took the turn
			}
			if all.free != 1 {
				t.Errorf("%d turns are free", all.free)
			}
			return
		}
		t.Error("of a thousand, none gave up")
	})
}
