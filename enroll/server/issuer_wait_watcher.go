package server

import (
	"context"
	"log/slog"
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

// issuerWatcher follows what changes. Whatever decides about a request, or changes
// the operation for which it waits, in this process or another one, is among that.
type issuerWatcher struct {
	store *store.Reader
	waits *issuerWaits
	seen  int64 // up to which event changes were looked at; -1 while no session waits
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
