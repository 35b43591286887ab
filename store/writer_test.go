package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd holds the write lock with another Store while the works are queued, so
// that they run as one batch, and returns their outcomes.
func crowd(t *testing.T, s *Store, works ...func(*tx) error) []error {
	t.Helper()
	other := openStore(t, s.Path(), Options{})
	held, release := make(chan struct{}), make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		err := other.change(t.Context(), func(*tx) error {
			close(held)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	var wg sync.WaitGroup
	errs := make([]error, len(works))
	for i, work := range works {
		wg.Go(func() { errs[i] = outcome(func() error { return s.change(t.Context(), work) }) })
		for waiting(s) != i+1 {
			runtime.Gosched()
		}
	}
	close(release)
	holding.Wait()
	wg.Wait()
	return errs
}

func waiting(s *Store) int {
	s.writer.mu.Lock()
	defer s.writer.mu.Unlock()
	return len(s.writer.waiting)
}

// outcome is the error of f, or its panic as one.
func outcome(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

func set(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec("INSERT INTO parameters (name, value) VALUES (?, 'x')", name)
		return err
	}
}

func TestBatchIsolatesFailures(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	mine := errors.New("mine")
	before := s.writer.commits.Load()
	errs := crowd(t, s,
		set("a"),
		func(t *tx) error { return errors.Join(set("b")(t), mine) },
		set("c"),
		func(t *tx) error {
			if err := set("d")(t); err != nil {
				return err
			}
			panic("ouch")
		},
		set("a"),
		set("e"),
	)
	if n := s.writer.commits.Load() - before; n != 1 {
		t.Errorf("%d commits, want 1", n)
	}
	for i, want := range []string{"", "mine", "", "panic: ouch", "UNIQUE", ""} {
		if got := fmt.Sprint(errs[i]); !strings.Contains(got, want) || (want == "" && errs[i] != nil) {
			t.Errorf("outcome %d is %v, want %q", i, errs[i], want)
		}
	}
	p, err := s.Parameters(t.Context())
	must(t, err)
	if len(p) != 3 || p["a"] == "" || p["c"] == "" || p["e"] == "" {
		t.Errorf("the parameters are %v", p)
	}
}

// TestOnceRunsOnce has a change that must not run twice wait between some that
// share their transaction, one of which fails.
func TestOnceRunsOnce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	changed := make(chan error, 1)
	runs := 0
	queue := func() {
		_, err := s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(d *Device) error {
			runs++
			d.Pool = fmt.Sprint(runs)
			return nil
		})
		changed <- err
	}
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.change(t.Context(), func(*tx) error { close(held); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	for i, f := range []func(){
		func() { must(t, s.change(t.Context(), set("a"))) },
		queue,
		func() { must(t, s.change(t.Context(), set("b"))) },
		func() { wantErr(t, plain(s.change(t.Context(), set("b"))), ErrConflict) },
	} {
		wg.Go(f)
		for waiting(s) != i+1 {
			runtime.Gosched()
		}
	}
	close(release)
	wg.Wait()
	must(t, <-changed)
	if got := deviceNow(t, s, d.Name); runs != 1 || got.Pool != "1" {
		t.Errorf("it ran %d times, the pool is %q", runs, got.Pool)
	}
}

func TestBatchSharesCommit(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	before := s.writer.commits.Load()
	works := make([]func(*tx) error, batchLimit)
	for i := range works {
		works[i] = set(fmt.Sprint(i))
	}
	for _, err := range crowd(t, s, works...) {
		must(t, err)
	}
	if n := s.writer.commits.Load() - before; n != 1 {
		t.Errorf("%d commits for %d changes", n, len(works))
	}
}

// TestAlone: changes are held back for others only after some came together.
func TestAlone(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	alone := func(name string) {
		must(t, s.change(t.Context(), set(name)))
		if d := s.writer.pause(); d != 0 {
			t.Errorf("after %s, alone, the next would be held back for %v", name, d)
		}
	}
	alone("a")
	alone("b")
	for many, want := range map[int]time.Duration{2: 2 * holdEach, 50: holdMost} {
		works := make([]func(*tx) error, many)
		for i := range works {
			works[i] = set(fmt.Sprintf("%d of %d", i, many))
		}
		for _, err := range crowd(t, s, works...) {
			must(t, err)
		}
		if d := s.writer.pause(); d != want {
			t.Errorf("after %d that came together the next would be held back for %v", many, d)
		}
		alone(fmt.Sprint("after ", many))
	}
}

func TestCancelledWhileQueued(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, s.SetParameter(ctx, operator, "a", "1"), context.Canceled)

	late, stop := context.WithCancel(t.Context())
	err := s.change(late, func(t *tx) error {
		stop()
		return set("b")(t)
	})
	must(t, err)
	p, err := s.Parameters(t.Context())
	must(t, err)
	if len(p) != 1 || p["b"] != "x" {
		t.Errorf("the parameters are %v", p)
	}
}

func TestCancelledBehindLock(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.change(t.Context(), func(*tx) error { close(held); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	got := make(chan error)
	go func() { got <- s.SetParameter(ctx, operator, "a", "1") }()
	for waiting(s) != 1 {
		runtime.Gosched()
	}
	cancel()
	wantErr(t, <-got, context.Canceled) // though the lock is held still
	close(release)
	wg.Wait()
	must(t, s.SetParameter(t.Context(), operator, "b", "1"))
	if p, err := s.Parameters(t.Context()); err != nil || len(p) != 1 {
		t.Errorf("the parameters are %v, %v", p, err)
	}
}

// TestCancelledBehindOtherProcess: who waits for the lock of another process may
// give up, and the next change goes on waiting for it.
func TestCancelledBehindOtherProcess(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	other := openStore(t, s.Path(), Options{})
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := other.change(t.Context(), func(*tx) error { close(held); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() { got <- s.SetParameter(ctx, operator, "a", "1") }()
	for waiting(s) != 1 {
		runtime.Gosched()
	}
	wg.Go(func() {
		if err := s.SetParameter(t.Context(), operator, "b", "1"); err != nil {
			t.Error(err)
		}
	})
	for waiting(s) != 2 {
		runtime.Gosched()
	}
	cancel()
	wantErr(t, <-got, context.Canceled) // though the lock is held still
	close(release)
	wg.Wait()
	if p, err := s.Parameters(t.Context()); err != nil || len(p) != 1 || p["b"] != "1" {
		t.Errorf("the parameters are %v, %v", p, err)
	}
}

func TestPanicReachesItsCaller(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	err := outcome(func() error {
		_, err := s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(*Device) error { panic("ouch") })
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "ouch") {
		t.Errorf("got %v", err)
	}
	must(t, s.SetParameter(t.Context(), operator, "a", "1"))
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	err := s.change(t.Context(), func(t *tx) error { return limitPages(t, "SELECT page_count + 3 FROM pragma_page_count") })
	issued := 0
	for err == nil {
		_, err = s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: request(d), LSC: certificate()})
		if err == nil {
			issued++
		}
	}
	wantErr(t, err, ErrFull)
	for i, err := range crowd(t, s, huge("a"), huge("b"), huge("c")) {
		if !errors.Is(plain(err), ErrFull) {
			t.Errorf("outcome %d is %v", i, err)
		}
	}
	if n, err := s.CountLSCs(t.Context(), LSCFilter{}); int(n) != issued || err != nil {
		t.Errorf("%d LSCs, %v, want %d", n, err, issued)
	}
	if n := len(all(t, s.Events(t.Context(), EventFilter{Action: "enroll"}))); n != issued {
		t.Errorf("%d events, want %d", n, issued)
	}
	must(t, s.change(t.Context(), func(t *tx) error { return limitPages(t, "SELECT 1000000") }))
	issue(t, s, d)
	checkIntegrity(t, s.Path())
}

// huge sets the limit anew, because the connection may be a new one.
func huge(name string) func(*tx) error {
	return func(t *tx) error {
		if err := limitPages(t, "SELECT page_count + 3 FROM pragma_page_count"); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO parameters (name, value) VALUES (?, ?)", name, strings.Repeat("x", 1<<17))
		return err
	}
}

// limitPages makes the disk seem full beyond so many pages.
func limitPages(t *tx, query string) error {
	var n int
	if err := t.row(query).Scan(&n); err != nil {
		return err
	}
	_, err := t.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", n))
	return err
}

// TestCourtesy: a writer that has work without end leaves the lock alone after a
// streak, so that another process gets it, and not after a pause.
func TestCourtesy(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	other := openStore(t, s.Path(), Options{})
	at := start
	rested := 0
	s.writer.moment = func() time.Time { return at }
	s.writer.sleep = func(d time.Duration) {
		if d != courtesy {
			return
		}
		rested++
		addDevice(t, other, fmt.Sprint("other", rested))
	}
	takes := func(d time.Duration) func(*tx) error {
		return func(*tx) error { at = at.Add(d); return nil }
	}
	for range 4 {
		must(t, s.change(t.Context(), takes(streakLimit/2)))
	}
	if rested != 1 {
		t.Errorf("after a streak of twice the limit it rested %d times", rested)
	}
	for range 8 {
		at = at.Add(2 * courtesy)
		must(t, s.change(t.Context(), takes(streakLimit/2)))
	}
	if rested != 1 {
		t.Errorf("with pauses it rested %d times more", rested-1)
	}
}
