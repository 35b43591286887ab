package host

import (
	"io"
	"log/slog"
)

// NewLogger logs to stderr from a level on, as text or as JSON. In the journal each
// record has its priority, and no time of its own as text: the journal adds one.
func NewLogger(stderr io.Writer, getenv func(string) string, asJSON bool, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	handler := func(out io.Writer) slog.Handler {
		if asJSON {
			return slog.NewJSONHandler(out, options)
		}
		return slog.NewTextHandler(out, options)
	}
	if !InJournal(stderr, getenv) {
		return slog.New(handler(stderr))
	}
	if !asJSON {
		options.ReplaceAttr = withoutTime
	}
	return slog.New(newJournalHandler(stderr, handler))
}
