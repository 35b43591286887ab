package tvs

import (
	"log/slog"
	"sync"
	"time"
)

// mostLines is how many lines strangers can have in the log within a minute.
const mostLines = 60

// boundedLog logs what strangers cause, until they cause too much.
type boundedLog struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex // guards the rest
	began time.Time  // of the minute
	lines int        // in it
}

// warn logs a line. The last one of a minute says that there is no further one.
func (b *boundedLog) warn(message string, words ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if passed := now.Sub(b.began); passed >= time.Minute || passed < 0 {
		if more := b.lines - mostLines; more > 0 {
			b.log.Warn("tvs", "reason", "lines were left out of the log", "lines", more)
		}
		b.began, b.lines = now, 0
	}
	if b.lines++; b.lines > mostLines {
		return
	}
	b.log.Warn(message, words...)
	if b.lines == mostLines {
		b.log.Warn("tvs", "reason", "no more lines of this minute are logged; the metrics count on")
	}
}
