package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"capf/internal/backoff"
	"capf/store"
)

// lookEvery is the time between two looks at whether issuers have decided. A
// look costs microseconds as long as nothing has happened.
const lookEvery = 200 * time.Millisecond

// manyEvents is how many events are looked at one by one. After more, it costs
// less to ask which requests wait.
const manyEvents = 1000

// waiter is a session that may be woken, with what it knows of its wait.
type waiter struct {
	*session
	wait store.Wait
}

// await adds a session to those that wait for an issuer.
func (s *sessions) await(one *session, wait store.Wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[one] = wait
}

// forget takes a session out again; it is not woken afterwards.
func (s *sessions) forget(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waits, one)
}

// wake has a session look at its request, unless it does not wait any more.
func (s *sessions) wake(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.waits[one]; ok {
		one.tcp.SetReadDeadline(time.Unix(1, 0))
	}
}

func (s *sessions) anyWaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waits) > 0
}

// waiting are the sessions that wait, of the devices or, without any, of all.
func (s *sessions) waiting(devices map[string]bool) []waiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []waiter
	for one, wait := range s.waits {
		if devices == nil || devices[one.waiting.device] {
			list = append(list, waiter{one, wait})
		}
	}
	return list
}

// watch wakes the sessions for which something has changed, until ctx ends.
func (l *listener) watch(ctx context.Context) {
	w := watcher{listener: l, seen: -1}
	failures := backoff.Backoff{Log: l.Log, Doing: "looking for decisions of the issuer", First: lookEvery}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if failures.Remaining() > 0 {
			continue
		}
		switch err := w.look(ctx); {
		case err == nil:
			failures.Succeeded()
		case ctx.Err() == nil:
			failures.Failed(err)
		}
	}
}

// watcher follows the record of events: whatever decides about a request, or
// changes the operation for which it waits, in this process or another one, is
// told there.
type watcher struct {
	*listener
	seen int64 // the last event that was looked at, -1 while no session waits
}

func (w *watcher) look(ctx context.Context) error {
	if !w.sessions.anyWaits() {
		w.seen = -1
		return nil
	}
	last, err := w.Rules.Store.LastEvent(ctx)
	if err != nil || last == w.seen {
		return err
	}
	devices, all, err := w.changed(ctx, last)
	if err != nil {
		return err
	}
	if all {
		err = w.wakeAll(ctx)
	} else {
		err = w.wakeOf(ctx, devices)
	}
	if err == nil {
		w.seen = last
	}
	return err
}

// changed are the devices, in lower case, that events up to the last one tell
// of; all says that they cannot be told.
func (w *watcher) changed(ctx context.Context, last int64) (devices map[string]bool, all bool, err error) {
	if w.seen < 0 || last-w.seen > manyEvents {
		return nil, true, nil
	}
	devices = map[string]bool{}
	for e, err := range w.Rules.Store.EventsAfter(ctx, w.seen) {
		if err != nil {
			return nil, false, err
		}
		if e.Device == "" { // such as the deletion of all requests
			return nil, true, nil
		}
		devices[strings.ToLower(e.Device)] = true
	}
	return devices, false, nil
}

// wakeOf wakes the sessions of the devices for which something has changed.
func (w *watcher) wakeOf(ctx context.Context, devices map[string]bool) error {
	for _, one := range w.sessions.waiting(devices) {
		now, err := w.Rules.Store.Waiting(ctx, one.wait.RequestID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if changed(one.wait, now) {
			w.sessions.wake(one.session)
		}
	}
	return nil
}

// wakeAll asks which requests wait before it asks which sessions do, so that
// one which begins to wait meanwhile may be woken for nothing, but none is left
// asleep.
func (w *watcher) wakeAll(ctx context.Context) error {
	waits, err := w.Rules.Store.WaitingRequests(ctx)
	if err != nil {
		return err
	}
	for _, one := range w.sessions.waiting(nil) {
		if changed(one.wait, waits[one.wait.RequestID]) {
			w.sessions.wake(one.session)
		}
	}
	return nil
}
