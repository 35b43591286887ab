package enroll

import (
	"cmp"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// quiet is for how long nothing must have failed for a trouble to be over in the
// log: one that comes and goes would fill it.
const quiet = time.Minute

// Trouble is what a loop keeps of its failures, so that none of them, such as a
// full disk, makes it spin or fills the log: it rests after each, twice as long
// as the last time until something succeeds, and a cause is logged once, until
// another one comes or nothing has failed for a minute. One with a Log is ready;
// it is safe for concurrent use.
type Trouble struct {
	Log   *slog.Logger
	Doing string        // what fails, as it stands in the log
	First time.Duration // the first rest; 1 s
	Last  time.Duration // the longest; 30 s

	mu       sync.Mutex // guards the rest
	failures int
	cause    string
	rest     time.Duration
	failed   time.Time // with its monotonic part, as until: a clock that is set means nothing
	until    time.Time
}

// Failed notes a failure and returns how long to rest. What fails while others
// rest already, since it was under way, makes the rest no longer.
func (t *Trouble) Failed(err error, more ...any) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	t.failed = time.Now()
	if cause := root(err); cause != t.cause {
		t.cause = cause
		t.Log.Error(t.Doing, append(more, "reason", err)...)
	}
	if left := time.Until(t.until); left > 0 {
		return left
	}
	first, last := cmp.Or(t.First, time.Second), cmp.Or(t.Last, 30*time.Second)
	t.rest = min(max(first, 2*t.rest), max(first, last))
	t.until = time.Now().Add(t.rest)
	return t.rest
}

// Resting is for how long to rest still; zero for not at all.
func (t *Trouble) Resting() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(time.Until(t.until), 0)
}

// Over notes that what failed has succeeded.
func (t *Trouble) Over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest, t.until = 0, time.Time{}
	if t.failures > 0 && time.Since(t.failed) >= quiet {
		t.Log.Info(t.Doing+": works again", "failures", t.failures)
		t.failures, t.cause = 0, ""
	}
}

// root is the innermost cause in words: that of many errors which differ only
// in what was being done to which row.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
