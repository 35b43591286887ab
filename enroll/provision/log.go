package provision

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"capf/enroll/transfer"
)

// How many requests are logged: so many at once, and so many a second after that.
const (
	linesAtOnce    = 1000
	linesPerSecond = 200
)

// requestLog writes a line for each request, unless there are so many that they would
// fill the disk. Then it says how many it has left out.
type requestLog struct {
	log *slog.Logger

	mu      sync.Mutex // guards the rest
	lines   float64
	at      time.Time
	omitted int
}

// Ended counts and logs a request.
func (f *Files) Ended(r transfer.Result) {
	f.config.Meter.Provisioned(string(r.Protocol), string(r.Outcome), r.Bytes)
	level := slog.LevelInfo
	if r.Outcome == transfer.Failed {
		level = slog.LevelError
	}
	address := ""
	if r.From.IsValid() { // a packet that is no request has none
		address = r.From.String()
	}
	fields := []any{"protocol", string(r.Protocol), "address", address, "file", r.Name, "outcome", string(r.Outcome), "bytes", r.Bytes, "took", r.Took.Round(time.Microsecond).String()}
	if r.Err != nil {
		fields = append(fields, "reason", r.Err)
	}
	f.requests.line(level, "file", fields...)
}

func (l *requestLog) warn(what string, fields ...any) { l.line(slog.LevelWarn, what, fields...) }

func (l *requestLog) line(level slog.Level, what string, fields ...any) {
	omitted, ok := l.take(time.Now())
	if !ok {
		return
	}
	if omitted > 0 {
		l.log.Warn("lines about files were left out, there were too many", "lines", omitted)
	}
	l.log.Log(context.Background(), level, what, fields...)
}

// take is false when the line is left out; otherwise it says how many were left out
// before it.
func (l *requestLog) take(now time.Time) (omitted int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() {
		l.lines = linesAtOnce
	} else {
		l.lines = min(linesAtOnce, l.lines+now.Sub(l.at).Seconds()*linesPerSecond)
	}
	l.at = now
	if l.lines < 1 {
		l.omitted++
		return 0, false
	}
	l.lines--
	omitted, l.omitted = l.omitted, 0
	return omitted, true
}
