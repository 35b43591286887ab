package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"capf/store"
)

func newReport(version string, now time.Time, restarts int64) store.Server {
	host, _ := os.Hostname() // "" when the system has no name
	return store.Server{PID: os.Getpid(), Host: host, Version: version, Since: now, Restarts: restarts}
}

// tell reports this server to other processes, when something has changed or
// the last report is old.
func (s *supervisor) tell(ctx context.Context) error {
	r := s.report
	r.Addresses, r.Sessions = nil, 0
	if s.listener != nil {
		r.Addresses = s.listener.addressTexts()
		r.Sessions = s.listener.sessions.count()
	}
	for _, l := range s.old {
		r.Sessions += l.sessions.count()
	}
	r.SeenAt = s.Rules.Now()
	same := slices.Equal(r.Addresses, s.report.Addresses) && r.Restarts == s.reported
	if same && r.SeenAt.Sub(s.report.SeenAt) < reportEvery {
		return nil
	}
	err := s.Rules.Store.ReportServer(ctx, r)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("reporting this server: %w", store.ErrBusy)
	}
	if err != nil {
		return err
	}
	s.report, s.reported = r, r.Restarts
	return nil
}
