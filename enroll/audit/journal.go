package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/backoff"
	"capf/store"
)

// Journal writes each event into the log of serve as it happens, whichever process
// recorded it, so that the log can be shipped to another host. Every few minutes it
// seals the record. It seals only events that follow from those it has logged: a
// rewritten record is never sealed.
type Journal struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Log    *slog.Logger
	Poll   time.Duration // interval of polling; 1 s
	Every  time.Duration // between two checkpoints; 5 min

	begun  bool             // the starting point is known
	at     store.ChainPoint // after the last event that was logged
	sealed time.Time        // when the last checkpoint was made
	last   int64            // the event that it sealed
	lost   bool             // the record was rewritten, which is logged once
}

// Run works until ctx ends, and then once more.
func (j *Journal) Run(ctx context.Context) {
	failures := backoff.Backoff{Log: j.Log, Doing: "carrying events into the log"}
	working, replaced := context.WithCancel(ctx)
	defer replaced()
	failures.Repeat(working, cmp.Or(j.Poll, time.Second), func(ctx context.Context) error {
		err := j.stepWithin(ctx, false)
		if errors.Is(err, store.ErrReplaced) {
			replaced() // serve ends with it, and says so
			return nil
		}
		return err
	})
	if ctx.Err() == nil {
		return
	}
	// Make a checkpoint on stopping.
	if err := j.stepWithin(ctx, true); err != nil && !errors.Is(err, store.ErrReplaced) {
		failures.Failed(err)
	}
}

// stepWithin completes a step that has begun when ctx ends.
func (j *Journal) stepWithin(ctx context.Context, ending bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return j.step(ctx, ending)
}

func (j *Journal) step(ctx context.Context, ending bool) error {
	if !j.begun {
		if err := j.begin(ctx); err != nil {
			return err
		}
		j.begun = true
	}
	if err := j.logNew(ctx); err != nil {
		return err
	}
	now := j.Now()
	if j.lost || j.at.ID == j.last || !ending && now.Sub(j.sealed) < cmp.Or(j.Every, 5*time.Minute) && !now.Before(j.sealed) {
		return nil
	}
	return j.seal(ctx, now)
}

// begin finds the starting point: the last checkpoint, since a serve that stops makes
// one and has logged nothing later. A new database has none; then it begins at the end
// of the record.
func (j *Journal) begin(ctx context.Context) error {
	list, err := j.Store.Checkpoints(ctx)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		c := list[len(list)-1]
		if secrets.HoldsCheckpoint(j.Sealer)(c) {
			j.at, j.last, j.sealed = c.ChainPoint, c.ID, c.At
			return nil
		}
		j.Log.Error("the record of events was changed: its last checkpoint does not hold", "event", c.ID, "at", c.At, "hint", "capf audit list --verify")
	}
	j.at, err = j.Store.ChainEnd(ctx)
	return err
}

// logNew logs the events that are new.
func (j *Journal) logNew(ctx context.Context) error {
	for e, err := range j.Store.Follow(ctx, j.at) {
		if errors.Is(err, store.ErrDamaged) {
			return j.rewritten(ctx, err)
		}
		if err != nil {
			return err
		}
		j.Log.LogAttrs(ctx, level(e.Event), "event", slog.Int64("id", e.ID), slog.Time("at", e.At.UTC()),
			slog.String("actor_kind", string(e.Actor.Kind)), slog.String("actor", e.Actor.Name), slog.String("address", e.Actor.Address),
			slog.String("terminal", e.Actor.Terminal), slog.String("device", e.Device), slog.String("action", e.Action),
			slog.String("step", e.Step), slog.String("outcome", e.Outcome), slog.String("detail", e.Detail),
			slog.String("command", e.Actor.Command), slog.String("hash", fmt.Sprintf("%x", e.Hash)))
		j.at = store.ChainPoint{ID: e.ID, Hash: e.Hash}
	}
	return nil
}

// level is how loud an event is in the log.
func level(e store.Event) slog.Level {
	if e.Outcome == store.OutcomeBypassed {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// rewritten reports once that the record was tampered with. Events after that are still
// logged, but the record is no longer sealed: a seal would vouch for the tampering.
func (j *Journal) rewritten(ctx context.Context, cause error) error {
	// The end is read before the report: whatever follows the report is logged.
	end, err := j.Store.ChainEnd(ctx)
	if !j.lost {
		j.Log.Error("the record of events was changed, and is not sealed any more", "reason", cause, "hint", "capf audit list --verify")
	}
	j.lost = true
	if err == nil {
		j.at = end
	}
	return err
}

func (j *Journal) seal(ctx context.Context, now time.Time) error {
	c := secrets.SealCheckpoint(j.Sealer, j.at, now)
	err := j.Store.AddCheckpoint(ctx, c)
	if errors.Is(err, store.ErrConflict) { // it was pruned or changed meanwhile; the next step finds that
		return nil
	}
	if err == nil {
		j.sealed, j.last = now, c.ID
		j.Log.Info("sealed the record of events", "event", c.ID, "hash", fmt.Sprintf("%x", c.Hash))
	}
	return err
}
