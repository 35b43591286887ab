package server

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// queue holds all turns, lets others wait for one in the order of their names,
// and returns a function that gives the turns one by one and says to whom.
func queue(t *testing.T, all *turns, who ...string) (serve func() []string) {
	t.Helper()
	all.free = 0
	got := make(chan string)
	for i, name := range who {
		go func() {
			if err := all.take(place(name), nil, time.Now().Add(time.Hour)); err != nil {
				name = err.Error()
			}
			got <- name
		}()
		waitFor(t, all, i+1)
	}
	return func() (order []string) {
		for range who {
			all.give()
			order = append(order, <-got)
		}
		return order
	}
}

// place is the neighbourhood of a name of one letter.
func place(name string) netip.Prefix {
	return neighbourhood(netip.AddrFrom4([4]byte{192, 0, 2, name[0]}))
}

// waitFor returns when so many wait.
func waitFor(t *testing.T, all *turns, n int) {
	t.Helper()
	for {
		all.mu.Lock()
		sum := 0
		for _, q := range all.waiting {
			sum += q.Len()
		}
		all.mu.Unlock()
		if sum == n {
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("%d wait, not %d", sum, n)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestTurns: who comes often waits for himself, not for all others.
func TestTurns(t *testing.T) {
	t.Parallel()
	all := newTurns()
	serve := queue(t, all, "A", "A", "A", "A", "B", "C", "B")
	if got, want := serve(), []string{"A", "B", "C", "A", "B", "A", "A"}; !slices.Equal(got, want) {
		t.Errorf("the turns went to %v, not %v", got, want)
	}
	for range 7 { // as all of them do who got one
		all.give()
	}
	if all.free != 7 || len(all.waiting) != 0 || len(all.order) != 0 {
		t.Errorf("afterwards %d are free, %v wait, %v are next", all.free, all.waiting, all.order)
	}
}

// TestTurnsLeft: who gives up, or has no time left, holds nobody up.
func TestTurnsLeft(t *testing.T) {
	t.Parallel()
	all := newTurns()
	all.free = 0
	gone := make(chan struct{})
	left := make(chan error)
	go func() { left <- all.take(place("A"), gone, time.Now().Add(time.Hour)) }()
	waitFor(t, all, 1)
	close(gone)
	if err := <-left; err != errNoTurn {
		t.Errorf("who is gone got %v", err)
	}
	if err := all.take(place("A"), nil, time.Now()); err != errNoTurn {
		t.Errorf("who has no time got %v", err)
	}
	if got := queue(t, all, "B")(); !slices.Equal(got, []string{"B"}) {
		t.Errorf("the turn went to %v", got)
	}
	all.give()
	if all.free != 1 {
		t.Errorf("%d turns are free", all.free)
	}
}

// TestTurnTooLate: a turn that comes to somebody who has just given up goes to
// the next. Which of the two he sees first is up to chance, so he is asked until
// it was that he had to give up.
func TestTurnTooLate(t *testing.T) {
	t.Parallel()
	for range 1000 {
		all := newTurns()
		all.free = 0
		gone := make(chan struct{})
		left := make(chan error)
		go func() { left <- all.take(place("A"), gone, time.Now().Add(time.Hour)) }()
		waitFor(t, all, 1)
		all.mu.Lock() // he cannot leave before he has got his turn
		close(gone)
		all.next()
		all.mu.Unlock()
		if err := <-left; err == nil {
			continue // he took it
		}
		if all.free != 1 {
			t.Errorf("%d turns are free", all.free)
		}
		return
	}
	t.Error("of a thousand, nobody gave up")
}

func TestNeighbourhood(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7":          "192.0.2.7/32",
		"2001:db8:1:2:3::4":  "2001:db8:1:2::/64",
		"fe80::1%eth0":       "fe80::/64",
		"2001:db8:1:2:9::99": "2001:db8:1:2::/64",
	} {
		if got := neighbourhood(netip.MustParseAddr(address)); got.String() != want {
			t.Errorf("%s is near %v, not %s", address, got, want)
		}
	}
}
