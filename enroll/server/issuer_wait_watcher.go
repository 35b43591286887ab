package server

import (
	"context"
	"log/slog"
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

// watchIssuers wakes the sessions for which something has changed, until ctx ends.
func watchIssuers(ctx context.Context, s *store.Reader, waits *issuerWaits, log *slog.Logger) {
	w := issuerWatcher{store: s, waits: waits, seen: -1}
	failures := backoff.Backoff{Log: log, Doing: "looking for decisions of the issuer", First: lookEvery}
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

// issuerWatcher follows the record of events. Whatever decides about a request, or
// changes the operation for which it waits, in this process or another one, stands
// there.
type issuerWatcher struct {
	store *store.Reader
	waits *issuerWaits
	seen  int64 // the last event that was looked at, -1 while no session waits
}

func (w *issuerWatcher) look(ctx context.Context) error {
	if !w.waits.any() {
		w.seen = -1
		return nil
	}
	last, err := w.store.LastEvent(ctx)
	if err != nil || last == w.seen {
		return err
	}
	devices, all, err := w.changed(ctx, last)
	if err != nil {
		return err
	}
	if all {
		err = w.waits.wakeAll(ctx, w.store)
	} else {
		err = w.waits.wakeDevices(ctx, w.store, devices)
	}
	if err == nil {
		w.seen = last
	}
	return err
}

// changed are the devices, in lower case, that events up to the last one name; all
// says that the events do not name them.
func (w *issuerWatcher) changed(ctx context.Context, last int64) (devices map[string]bool, all bool, err error) {
	if w.seen < 0 || last-w.seen > manyEvents {
		return nil, true, nil
	}
	devices = map[string]bool{}
	for e, err := range w.store.EventsAfter(ctx, w.seen) {
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
