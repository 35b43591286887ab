package store

import (
	"context"
	"time"
)

// OpenSession is the session of a phone as the serve that holds it has last written
// it.
type OpenSession struct {
	ID         int64
	Host       string
	PID        int
	Number     int64  // among the sessions of the process
	Device     string // the name that the phone gave; "" until it has
	Address    string
	State      SessionState
	TLS        string // the version; "" before the handshake is over
	Since      time.Time
	StateSince time.Time
	EndAsked   time.Time // when an operator asked for its end; zero when nobody did
}

// SessionState says what a session waits for, in the words of the vendor's state
// machine.
type SessionState string

// The states of a session. The vendor names no state for fetching and deleting a
// certificate; these are named alike.
const (
	SessionIdle         SessionState = "idle"
	AwaitAuthentication SessionState = "await-auth-res"
	AwaitKey            SessionState = "await-keygen-resp"
	AwaitPossession     SessionState = "await-encrypt-msg-resp"
	AwaitCA             SessionState = "await-ca-resp"
	AwaitStored         SessionState = "await-store-cert-resp"
	AwaitFetched        SessionState = "await-fetch-cert-resp"
	AwaitDeleted        SessionState = "await-delete-cert-resp"
)

var sessionStates = []word{
	{"idle", "IDLE"}, {"await-auth-res", "AWAIT AUTH RES"}, {"await-keygen-resp", "AWAIT KEYGEN RESP"},
	{"await-encrypt-msg-resp", "AWAIT ENCRYPT MSG RESP"}, {"await-ca-resp", "AWAIT CA RESP"},
	{"await-store-cert-resp", "AWAIT STORE CERT RESP"}, {"await-fetch-cert-resp", "AWAIT FETCH CERT RESP"},
	{"await-delete-cert-resp", "AWAIT DELETE CERT RESP"},
}

// ParseSessionState accepts the short and the long form.
func ParseSessionState(s string) (SessionState, error) {
	return parse[SessionState]("the state of a session", sessionStates, s)
}

// SessionStates lists the short forms.
func SessionStates() []string { return shorts(sessionStates) }

func (v SessionState) String() string { return string(v) }

// Long is the form in tables.
func (v SessionState) Long() string { return long(sessionStates, string(v)) }

const sessionColumns = "id, host, pid, number, device, address, state, tls, since, state_since, end_asked"

func (v *OpenSession) fields() []any {
	return []any{&v.ID, &v.Host, &v.PID, &v.Number, &v.Device, &v.Address, (*string)(&v.State), &v.TLS,
		(*instant)(&v.Since), (*instant)(&v.StateSince), (*instant)(&v.EndAsked)}
}

// SessionFilter limits a list of sessions; what is empty does not limit.
type SessionFilter struct {
	Device string // a pattern, as for package wildcard
	State  SessionState
}

// OpenSessions returns the sessions that servers have written, the oldest first,
// also those of servers that have died.
func (s *Reader) OpenSessions(ctx context.Context, f SessionFilter) ([]OpenSession, error) {
	q := query{selection: "SELECT " + sessionColumns + " FROM open_sessions", order: "since, id"}
	q.like("device", f.Device)
	if f.State != "" {
		q.where("state = ?", string(f.State))
	}
	return collect(stream(ctx, s, "reading sessions", q, (*OpenSession).fields))
}

// OpenSession returns a session. ErrNotFound: there is none with the id.
func (s *Reader) OpenSession(ctx context.Context, id int64) (OpenSession, error) {
	var v OpenSession
	err := s.point(ctx, "SELECT "+sessionColumns+" FROM open_sessions WHERE id = ?", []any{id}, v.fields()...)
	return v, failed(err, "session %d", id)
}

// SessionsToEnd returns the numbers of the sessions of a process that an operator
// wants to end. It takes microseconds.
func (s *Reader) SessionsToEnd(ctx context.Context, host string, pid int) ([]int64, error) {
	// Word for word as in the index open_sessions_ending.
	list, err := few(ctx, s, "SELECT number FROM open_sessions WHERE host = ? AND pid = ? AND end_asked > 0",
		[]any{host, pid}, func(n *int64) []any { return []any{n} })
	return list, failed(err, "reading which sessions to end")
}

// ReportSessions writes what has changed of the sessions of a process: those that
// are new or in another state, and the numbers of those that have ended. It writes
// no event.
func (s *Store) ReportSessions(ctx context.Context, host string, pid int, changed []OpenSession, ended []int64) error {
	err := s.change(ctx, func(t *tx) error {
		for _, number := range ended {
			if _, err := t.exec("DELETE FROM open_sessions WHERE host = ? AND pid = ? AND number = ?", host, pid, number); err != nil {
				return err
			}
		}
		for _, v := range changed {
			if _, err := t.exec(`INSERT INTO open_sessions (host, pid, number, device, address, state, tls, since, state_since)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (host, pid, number) DO UPDATE SET device = excluded.device, state = excluded.state,
				tls = excluded.tls, state_since = excluded.state_since`,
				host, pid, v.Number, v.Device, v.Address, string(v.State), v.TLS, millis(v.Since), millis(v.StateSince)); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "reporting sessions")
}

// ForgetSessions removes what a process wrote that had the same host and id, and
// what is left of processes without a report.
func (s *Store) ForgetSessions(ctx context.Context, host string, pid int) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec(`DELETE FROM open_sessions WHERE host = ? AND pid = ?
			OR NOT EXISTS (SELECT 1 FROM servers AS v WHERE v.host = open_sessions.host AND v.pid = open_sessions.pid)`, host, pid)
		return err
	})
	return failed(err, "removing sessions that have ended")
}

// EndSession asks the serve that holds a session to end it. There is no event when
// that was asked before. ErrNotFound: there is no such session.
func (s *Store) EndSession(ctx context.Context, a Actor, id int64) error {
	err := s.change(ctx, func(t *tx) error {
		var v OpenSession
		if err := t.row("SELECT "+sessionColumns+" FROM open_sessions WHERE id = ?", id).Scan(v.fields()...); err != nil {
			return err
		}
		n, err := t.exec("UPDATE open_sessions SET end_asked = ? WHERE id = ? AND end_asked = 0", millis(t.now), id)
		if err != nil || n == 0 {
			return err
		}
		return t.event(a, v.Device, EventText{Action: "session-end", Detail: "the session from " + v.Address + " in state " + v.State.Long()})
	})
	return failed(err, "ending session %d", id)
}
