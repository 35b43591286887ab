package commands

import (
	"context"
	"log/slog"
	"os"
	"slices"

	"capf/enroll/health"
	"capf/enroll/metrics"
	"capf/enroll/notify"
	"capf/store"
)

// watchFindings looks for what operators should know, for the metrics and for
// notify_command, until the function that it returns is called.
func watchFindings(env *Env, s *store.Store, meter *metrics.Meter, log *slog.Logger) (stop func()) {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	w := &notify.Watcher{
		Store: s, Now: env.Now, Log: log, Host: host, Told: meter.Notified,
		Look: func(ctx context.Context) ([]health.Finding, error) {
			counts, err := s.DeviceCounts(ctx)
			if err != nil {
				return nil, err
			}
			found, err := findings(ctx, env, s.Reader, counts)
			// This one runs, whether or not it has reported itself yet.
			return slices.DeleteFunc(found, func(f health.Finding) bool { return f.Kind == health.ServeMissing }), err
		},
		Seen: func(found []health.Finding) {
			counts := map[metrics.Finding]int{}
			for _, f := range found {
				counts[metrics.Finding{Kind: string(f.Kind), Severity: f.Severity}]++
			}
			meter.Found(counts)
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	return func() { cancel(); <-done }
}
