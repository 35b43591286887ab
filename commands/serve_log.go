package commands

import (
	"io"
	"log/slog"

	"capf/commands/internal/host"
)

// newLogger writes the log of serve to stderr, and to the journal as that likes it.
func newLogger(env *Env, o serveOptions) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.level}
	if !host.InJournal(env.Stderr, env.Getenv) {
		return slog.New(o.handler(env.Stderr, options))
	}
	if !o.jsonLog {
		options.ReplaceAttr = host.WithoutTime
	}
	return slog.New(host.NewJournalLog(env.Stderr, func(out io.Writer) slog.Handler { return o.handler(out, options) }))
}

func (o serveOptions) handler(out io.Writer, options *slog.HandlerOptions) slog.Handler {
	if o.jsonLog {
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}
