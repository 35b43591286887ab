package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"capf/internal/backoff"
	"capf/store"
)

// lookEvery is the time between two looks at whether issuers have decided. A
// look costs microseconds as long as nothing has happened.
const lookEvery = 200 * time.Millisecond

// watchIssuers wakes the sessions for which something has changed, until ctx ends.
func watchIssuers(ctx context.Context, s *store.Reader, waits *issuerWaits, log *slog.Logger) {
	w := issuerWatcher{store: s, waits: waits, seen: -1}
	failures := backoff.Backoff{Log: log, Doing: "looking for decisions of the issuer", First: lookEvery}
	failures.Repeat(ctx, lookEvery, w.look)
}

// issuerWatcher follows the change feed. It holds every decision about a request
// and every change of an operation, whether made by this process or another.
type issuerWatcher struct {
	store *store.Reader
	waits *issuerWaits
	seen  int64 // the last event that was processed; -1 while no session waits
}

func (w *issuerWatcher) look(ctx context.Context) error {
	if !w.waits.any() {
		w.seen = -1
		return nil
	}
	c, err := w.store.Changes(ctx, w.seen)
	if err != nil || c.Until == w.seen {
		return err
	}
	if c.Anything || c.Settings { // such as the deletion of all requests
		err = w.waits.wakeAll(ctx, w.store)
	} else {
		err = w.waits.wakeDevices(ctx, w.store, c.Devices)
	}
	if err == nil {
		w.seen = c.Until
	}
	return err
}

// issuerWaits are the sessions of a listener that may be woken, each with the
// state of its request as it last saw it.
type issuerWaits struct {
	mu   sync.Mutex
	open map[*issuerWait]store.Wait // guarded by mu
}

func newIssuerWaits() *issuerWaits { return &issuerWaits{open: map[*issuerWait]store.Wait{}} }

func (i *issuerWaits) add(w *issuerWait, known store.Wait) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.open[w] = known
}

// remove removes a session, which is not woken afterwards.
func (i *issuerWaits) remove(w *issuerWait) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.open, w)
}

// wake makes a session check its request, unless it no longer waits.
func (i *issuerWaits) wake(w *issuerWait) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.open[w]; ok {
		w.session.conn.tcp.SetReadDeadline(time.Unix(1, 0))
	}
}

func (i *issuerWaits) any() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.open) > 0
}

// known is the state of its request as a session last saw it.
type known struct {
	wait  *issuerWait
	state store.Wait
}

// list returns the waiting sessions of the devices or, with nil, of all
// devices.
func (i *issuerWaits) list(devices map[string]bool) []known {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []known
	for w, state := range i.open {
		if devices == nil || devices[w.device] {
			all = append(all, known{w, state})
		}
	}
	return all
}

// wakeDevices wakes those sessions of the devices whose request has changed.
func (i *issuerWaits) wakeDevices(ctx context.Context, s *store.Reader, devices map[string]bool) error {
	for _, one := range i.list(devices) {
		now, err := s.Waiting(ctx, one.state.RequestID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if waitChanged(one.state, now) {
			i.wake(one.wait)
		}
	}
	return nil
}

// wakeAll lists the waiting requests before the waiting sessions. A session that
// begins to wait in between may be woken for nothing, but none is left asleep.
func (i *issuerWaits) wakeAll(ctx context.Context, s *store.Reader) error {
	waits, err := s.WaitingRequests(ctx)
	if err != nil {
		return err
	}
	for _, one := range i.list(nil) {
		if waitChanged(one.state, waits[one.state.RequestID]) {
			i.wake(one.wait)
		}
	}
	return nil
}
