package onlineca_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{})
	now := newClock()
	var dials atomic.Int64
	var down atomic.Bool
	down.Store(true)
	c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) {
		c.Now, c.Sleep, c.Limits.Failures = now.Now, now.Sleep, 3
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1); down.Load() {
				return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	})
	submit := func(want int64, wait time.Duration) {
		t.Helper()
		before := dials.Load()
		_, err := c.Submit(t.Context(), ecRequest(t))
		if e := failure(t, err, onlineca.ErrUnreachable); e.RetryAfter != wait || e.Sent {
			t.Errorf("%+v", e)
		}
		if n := dials.Load() - before; n != want {
			t.Errorf("%d dials, not %d", n, want)
		}
	}
	for range 3 {
		submit(1, 0)
	}
	submit(0, 10*time.Second)
	now.Sleep(t.Context(), 4*time.Second)
	submit(0, 6*time.Second)
	now.Sleep(t.Context(), 6*time.Second)
	submit(1, 0) // one may look
	submit(0, 20*time.Second)
	for range 10 {
		now.Sleep(t.Context(), 5*time.Minute)
		submit(1, 0)
	}
	submit(0, 5*time.Minute)

	down.Store(false)
	submit(0, 5*time.Minute)
	// The operator's check is not held back, and tells the others.
	for _, step := range c.Check(t.Context(), nil) {
		if !step.OK {
			t.Errorf("%+v", step)
		}
	}
	enroll(t, c, ecRequest(t))
}

// While one looks whether the CA is back, the others do not pile up behind it.
func TestOneProbe(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{})
	now := newClock()
	dialing, release := make(chan struct{}, 10), make(chan struct{})
	var down atomic.Bool
	down.Store(true)
	c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) {
		c.Username, c.Password = "", ""
		c.Now, c.Limits.Failures = now.Now, 1
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if down.Load() {
				return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
			}
			dialing <- struct{}{}
			<-release
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	})
	csr := ecRequest(t)
	_, err := c.Submit(t.Context(), csr)
	failure(t, err, onlineca.ErrUnreachable)
	now.Sleep(t.Context(), time.Minute)
	down.Store(false)
	done := make(chan error)
	go func() { _, err := c.Fetch(context.Background(), "7"); done <- err }()
	<-dialing
	_, err = c.Submit(t.Context(), csr)
	if e := failure(t, err, onlineca.ErrUnreachable); e.RetryAfter != time.Second {
		t.Errorf("%+v", e)
	}
	close(release)
	failure(t, <-done, onlineca.ErrRejected) // no such number: the CA is back
	enroll(t, c, csr)
}

func TestFetchIsTriedAgainWithGrowingPauses(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Intercept: at(fetch, func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		http.Error(w, "busy", http.StatusServiceUnavailable)
	})}})
	now := newClock()
	c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Now, c.Sleep = now.Now, now.Sleep })
	_, err := c.Fetch(t.Context(), "41")
	failure(t, err, onlineca.ErrUnreachable)
	if seen.Load() != 3 || len(now.slept) != 2 {
		t.Fatalf("%d tries, pauses %v", seen.Load(), now.slept)
	}
	for i, longest := range []time.Duration{500 * time.Millisecond, time.Second} {
		if d := now.slept[i]; d < longest/2 || d > longest {
			t.Errorf("pause %v", d)
		}
	}
}

func TestLimitOfRequestsAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	inside, most := 0, 0
	gate := make(chan struct{})
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != post {
			return false
		}
		mu.Lock()
		inside++
		most = max(most, inside)
		full := inside == 3
		mu.Unlock()
		if full {
			close(gate) // three at once are let in …
		}
		<-gate
		mu.Lock()
		inside--
		inside -= 100 * btoi(full) // … and the gate closes once
		mu.Unlock()
		return false
	}}})
	c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Limits.Concurrent = 3 })
	enrollFirst := ecRequest(t)
	errs := make(chan error, 12)
	for range cap(errs) {
		go func() { _, err := c.Submit(context.Background(), enrollFirst); errs <- err }()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if most != 3 {
		t.Errorf("%d at once", most)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
