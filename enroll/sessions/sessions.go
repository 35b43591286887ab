// Package sessions shows operators the sessions of phones that the running servers
// hold, and ends one of them. The servers write what is here to the database, which
// is the only way between them and a command. It does not speak to phones.
package sessions

import (
	"context"
	"fmt"
	"time"

	"capf/enroll/liveness"
	"capf/store"
)

// Session is an open session of a phone.
type Session struct {
	store.OpenSession
	SeenAt time.Time // when its serve last wrote how it is
}

// List returns the sessions of running servers, the oldest first. One that is younger
// than a few seconds may not have been written yet.
func List(ctx context.Context, s *store.Reader, now time.Time, f store.SessionFilter) ([]Session, error) {
	running, err := servers(ctx, s, now)
	if err != nil {
		return nil, err
	}
	all, err := s.OpenSessions(ctx, f)
	var open []Session
	for _, v := range all {
		if server, ok := running[process{v.Host, v.PID}]; ok && !v.Since.Before(server.Since.Add(-time.Second)) {
			open = append(open, Session{v, server.SeenAt})
		}
	}
	return open, err
}

// Find returns an open session. The error is store.ErrNotFound when there is none with
// the id, or its serve has died.
func Find(ctx context.Context, s *store.Reader, now time.Time, id int64) (Session, error) {
	open, err := List(ctx, s, now, store.SessionFilter{})
	for _, v := range open {
		if v.ID == id {
			return v, nil
		}
	}
	if err != nil {
		return Session{}, err
	}
	return Session{}, fmt.Errorf("session %d: %w", id, store.ErrNotFound)
}

// End asks the serve that holds a session to end it, which it does within a second.
func End(ctx context.Context, s *store.Store, actor store.Actor, id int64) error {
	return s.EndSession(ctx, actor, id)
}

type process struct {
	host string
	pid  int
}

func servers(ctx context.Context, s *store.Reader, now time.Time) (map[process]store.Server, error) {
	all, err := s.Servers(ctx)
	running := map[process]store.Server{}
	for _, v := range all {
		if liveness.Alive(v, now) {
			running[process{v.Host, v.PID}] = v
		}
	}
	return running, err
}
