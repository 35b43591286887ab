package audit

import (
	"context"
	"fmt"
	"time"

	"capf/internal/apperr"
	"capf/store"
)

// Verify refuses a record that was tampered with, so that evidence is not pruned.
// holds reports whether a checkpoint is genuine; nil without the master key.
func Verify(ctx context.Context, s *store.Reader, holds func(store.Checkpoint) bool) error {
	r, err := s.VerifyEvents(ctx, holds)
	if err != nil {
		return err
	}
	if r.Fault != nil {
		return apperr.WithHint(fmt.Errorf("the record is not as it was written: event %d %s", r.Fault.ID, r.Fault.Text),
			"nothing was pruned; keep a copy of the database for the investigation")
	}
	return nil
}

// Prune deletes the events from before a time and returns how many. Errors as those of
// store.PruneEvents.
func Prune(ctx context.Context, s *store.Store, actor store.Actor, before time.Time) (int64, error) {
	return s.PruneEvents(ctx, actor, before)
}
