// Package backoff slows a loop down after failures, and keeps its log short. It must
// not know what fails.
package backoff

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// quiet is how long nothing must have failed before the log says that the failures
// are over. Otherwise an intermittent fault would fill the log.
const quiet = time.Minute

// Backoff keeps count of a loop's failures, so that none of them, such as a full
// disk, makes the loop spin or fills the log. The loop rests after each failure,
// twice as long as the last time, until something succeeds. A cause is logged once,
// until there is a different one or nothing has failed for a minute. A Backoff with
// a Log is ready to use, and safe for concurrent use.
type Backoff struct {
	Log   *slog.Logger
	Doing string        // what fails, for the log
	First time.Duration // the first rest; 1 s
	Last  time.Duration // the longest; 30 s

	mu       sync.Mutex // guards the rest
	failures int
	cause    string
	rest     time.Duration
	failed   time.Time // with monotonic time, like until, so that setting the clock has no effect
	until    time.Time
}

// Failed records a failure and returns how long to rest. A failure during a rest,
// from something still under way, does not prolong it.
func (b *Backoff) Failed(err error, more ...any) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.failed = time.Now()
	if cause := root(err); cause != b.cause {
		b.cause = cause
		b.Log.Error(b.Doing, append(more, "reason", err)...)
	}
	if left := time.Until(b.until); left > 0 {
		return left
	}
	first, last := cmp.Or(b.First, time.Second), cmp.Or(b.Last, 30*time.Second)
	b.rest = min(max(first, 2*b.rest), max(first, last))
	b.until = time.Now().Add(b.rest)
	return b.rest
}

// Remaining is how much of the rest is left, zero when it is over.
func (b *Backoff) Remaining() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(time.Until(b.until), 0)
}

// Succeeded records that what failed before has succeeded.
func (b *Backoff) Succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rest, b.until = 0, time.Time{}
	if b.failures > 0 && time.Since(b.failed) >= quiet {
		b.Log.Info(b.Doing+": works again", "failures", b.failures)
		b.failures, b.cause = 0, ""
	}
}

// Repeat runs a step at once and then at intervals, until ctx ends. After a failed
// step it rests longer. A step that ctx ends has not failed.
func (b *Backoff) Repeat(ctx context.Context, every time.Duration, step func(context.Context) error) {
	for ctx.Err() == nil {
		rest := every
		switch err := step(ctx); {
		case err == nil:
			b.Succeeded()
		case ctx.Err() == nil:
			rest = b.Failed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
}

// root is the text of the innermost cause. It is the same for errors that differ
// only in what was being done to which row.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
