package host

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
)

// InJournal says whether stderr is the stream that systemd's journal reads. The device
// and inode of that are in JOURNAL_STREAM (systemd.exec(5)), which a program also
// inherits when its stderr is redirected.
func InJournal(stderr io.Writer, getenv func(string) string) bool {
	f, ok := stderr.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// withoutTime drops the time of a record: the journal adds its own.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// newJournalHandler returns a handler for the journal: the one that make returns, with
// the priority of each record before its line.
func newJournalHandler(stderr io.Writer, make func(io.Writer) slog.Handler) slog.Handler {
	line := &journalLine{out: stderr}
	return journalHandler{make(line), line}
}

// JournalPriority is the beginning of a line that gives it the priority of a level in the
// journal (sd-daemon(3)).
func JournalPriority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "<3>"
	case level >= slog.LevelWarn:
		return "<4>"
	case level >= slog.LevelInfo:
		return "<6>"
	default:
		return "<7>"
	}
}

// journalHandler puts the priority of each record before its line.
type journalHandler struct {
	slog.Handler
	line *journalLine
}

func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.level = r.Level
	return h.Handler.Handle(ctx, r)
}

func (h journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return journalHandler{h.Handler.WithAttrs(attrs), h.line}
}

func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.Handler.WithGroup(name), h.line}
}

// journalLine takes one record at a time, in one write.
type journalLine struct {
	out io.Writer

	mu    sync.Mutex // held while a record is written
	level slog.Level // of that record; guarded by mu
}

func (l *journalLine) Write(p []byte) (int, error) {
	if _, err := l.out.Write(append([]byte(JournalPriority(l.level)), p...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
