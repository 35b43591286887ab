package store

import (
	"context"
	"strings"
	"time"
)

func (v *Service) fields() []any { return []any{&v.Name, &v.Active, &v.Restarts} }

// Services returns all services by name.
func (s *Reader) Services(ctx context.Context) ([]Service, error) {
	q := query{selection: "SELECT name, active, restarts FROM services", order: "name"}
	return collect(stream(ctx, s, "reading services", q, (*Service).fields))
}

// SetService activates or deactivates a service; without an event when it is
// so already. ErrNotFound: there is no such service.
func (s *Store) SetService(ctx context.Context, a Actor, name string, active bool) error {
	doing := "deactivating"
	e := EventText{Action: "service-deactivate", Detail: name}
	if active {
		doing, e.Action = "activating", "service-activate"
	}
	err := s.change(ctx, func(t *tx) error {
		var is bool
		err := t.row("SELECT active FROM services WHERE name = ?", name).Scan(&is)
		if err != nil || is == active {
			return err
		}
		if _, err := t.exec("UPDATE services SET active = ? WHERE name = ?", active, name); err != nil {
			return err
		}
		return t.event(a, "", e)
	})
	return failed(err, "%s service %q", doing, name)
}

// RestartService asks a running serve to drain and start again. ErrNotFound:
// there is no such service.
func (s *Store) RestartService(ctx context.Context, a Actor, name string) error {
	err := s.change(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE services SET restarts = restarts + 1 WHERE name = ?", name)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return t.event(a, "", EventText{Action: "service-restart", Detail: name})
	})
	return failed(err, "restarting service %q", name)
}

// addresses is the column of a server's addresses, none of which has a space.
type addresses []string

// Scan reads them apart.
func (v *addresses) Scan(src any) error {
	text, _ := src.(string)
	*v = strings.Fields(text)
	return nil
}

func (v *Server) fields() []any {
	return []any{&v.PID, &v.Host, &v.Version, (*addresses)(&v.Addresses), (*instant)(&v.Since), (*instant)(&v.SeenAt),
		&v.Sessions, &v.Restarts}
}

// forgotten is the age at which the last report of a process that ended without
// a word is dropped.
const forgotten = 24 * time.Hour

// ReportServer keeps what a serve process says of itself; the time of the
// report is the store's. It is no event.
func (s *Store) ReportServer(ctx context.Context, v Server) error {
	err := s.change(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM servers WHERE seen_at < ? OR seen_at > ?", millis(t.now.Add(-forgotten)), millis(t.now.Add(forgotten))); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO servers (host, pid, version, addresses, since, seen_at, sessions, restarts)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (host, pid) DO UPDATE SET version = excluded.version, addresses = excluded.addresses,
			since = excluded.since, seen_at = excluded.seen_at, sessions = excluded.sessions, restarts = excluded.restarts`,
			v.Host, v.PID, v.Version, strings.Join(v.Addresses, " "), millis(v.Since), millis(t.now), v.Sessions, v.Restarts)
		return err
	})
	return failed(err, "reporting a server")
}

// Servers returns the last reports of all serve processes, including those of
// processes that ended without a word.
func (s *Reader) Servers(ctx context.Context) ([]Server, error) {
	q := query{selection: "SELECT pid, host, version, addresses, since, seen_at, sessions, restarts FROM servers", order: "host, pid"}
	return collect(stream(ctx, s, "reading servers", q, (*Server).fields))
}

// RemoveServer takes the report of a process away; it is harmless when there
// is none.
func (s *Store) RemoveServer(ctx context.Context, pid int, host string) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM servers WHERE host = ? AND pid = ?", host, pid)
		return err
	})
	return failed(err, "removing the report of a server")
}
