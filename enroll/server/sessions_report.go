package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"capf/store"
)

const (
	// sessionsEvery is the time between two reports of open sessions.
	sessionsEvery = 2 * time.Second
	// reportedAge is the age from which a session is reported. A phone that
	// enrolls at once is gone by then, and costs no write.
	reportedAge = time.Second
	// sessionsAtOnce bounds a report, so that no phone waits long for the write lock
	// when thousands change at the same time; the rest follows in the next one.
	sessionsAtOnce = 1000
)

// sessionsReport is what other processes know of the open sessions.
type sessionsReport struct {
	next  int64                             // the number of the next session
	known map[*connection]store.OpenSession // as written
	last  time.Time
	begun bool // what an earlier process left is gone
}

// writeSessions writes what has changed of the sessions that have been open for a
// while. While nothing has, it writes nothing.
func (r *reconciler) writeSessions(ctx context.Context) error {
	if time.Since(r.sessions.last) < sessionsEvery {
		return nil
	}
	r.sessions.last = time.Now()
	server := r.report.last
	if !r.sessions.begun {
		if err := r.config.Store.ForgetSessions(ctx, server.Host, server.PID); err != nil {
			return err
		}
		r.sessions.begun, r.sessions.known = true, map[*connection]store.OpenSession{}
	}
	open := map[*connection]bool{}
	var changed []store.OpenSession
	written := maps.Clone(r.sessions.known)
	for _, l := range r.listeners() {
		for _, conn := range l.env.sessions.connections() {
			open[conn] = true
			was, known := written[conn]
			now := r.seen(conn, was)
			if time.Since(conn.began) < reportedAge || known && now == was || len(changed) == sessionsAtOnce {
				continue
			}
			if !known {
				r.sessions.next++
				now.Number = r.sessions.next
			}
			written[conn], changed = now, append(changed, now)
		}
	}
	var ended []int64
	for conn, v := range written {
		if !open[conn] {
			ended = append(ended, v.Number)
			delete(written, conn)
		}
	}
	if len(changed)+len(ended) == 0 {
		return nil
	}
	if err := r.config.Store.ReportSessions(ctx, server.Host, server.PID, changed, ended); err != nil {
		return err
	}
	r.sessions.known = written
	return nil
}

// seen is a session as it is now, with the number and the times that were written.
func (r *reconciler) seen(conn *connection, was store.OpenSession) store.OpenSession {
	now := was
	if was.Since.IsZero() {
		now.Address = conn.address.String()
		now.Since = r.config.Now().Add(-time.Since(conn.began)).Truncate(time.Millisecond)
		now.State, now.StateSince = store.SessionIdle, now.Since
	}
	if shown := conn.shown.Load(); shown != nil {
		now.Device, now.TLS = shown.device, shown.tls
		if now.State != shown.state {
			now.State = shown.state
			now.StateSince = r.config.Now().Add(-time.Since(shown.at)).Truncate(time.Millisecond)
		}
	}
	return now
}

// endSessions ends the sessions that operators want to end, each time anew until they
// have ended: a session may just be setting the deadline by which it is woken.
func (r *reconciler) endSessions(ctx context.Context) error {
	if len(r.sessions.known) == 0 {
		return nil
	}
	numbers, err := r.config.Store.SessionsToEnd(ctx, r.report.last.Host, r.report.last.PID)
	if err != nil || len(numbers) == 0 {
		return err
	}
	for conn, v := range r.sessions.known {
		if slices.Contains(numbers, v.Number) {
			conn.endForOperator()
		}
	}
	r.sessions.last = time.Time{} // whoever asked waits for the outcome
	return nil
}

// listeners are the present one and those that drain.
func (r *reconciler) listeners() []*listener {
	all := slices.Clone(r.draining)
	if r.listener != nil {
		all = append(all, r.listener)
	}
	return all
}

// shownSession is what operators see of a session.
type shownSession struct {
	state  store.SessionState
	device string
	tls    string
	at     time.Time // when the state began
}

// show lets operators see what the session of the connection waits for.
func (c *connection) show(state store.SessionState, device string) {
	if last := c.shown.Load(); last != nil && last.state == state && last.device == device {
		return
	}
	c.shown.Store(&shownSession{state, device, c.tlsVersion(), time.Now()})
}
