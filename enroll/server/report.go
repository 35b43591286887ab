package server

import (
	"context"
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
	if err := s.Rules.Store.ReportServer(ctx, r); err != nil {
		return err
	}
	s.report, s.reported = r, r.Restarts
	return nil
}
