package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Server is a running serve's report about itself.
type Server struct {
	PID       int
	Host      string
	Version   string
	Addresses []string // on which it listens; empty while the service is deactivated
	Since     time.Time
	SeenAt    time.Time // of its last report
	Sessions  int
	Restarts  int64 // of the service capf that it has carried out
	// InForce is what it read when it began and uses until it is restarted, by
	// name; nil of an earlier capf, which did not report it.
	InForce map[string]string
	// Services are those beside capf; nil of an earlier capf, which had none.
	Services []RunningService
	// Lists is the folder in which it keeps trust lists; nil while it keeps none.
	Lists *ListFolder
}

// ListFolder is what a serve reports of the folder in which it keeps trust lists.
type ListFolder struct {
	Folder string `json:"folder"`
	// Trouble is why the lists in it are not those that phones should get; "" when they
	// are.
	Trouble string `json:"trouble,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// listFolder is the column of it.
type listFolder struct{ at **ListFolder }

// Scan reads it from JSON.
func (v listFolder) Scan(src any) error {
	*v.at = nil
	text, _ := src.(string)
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v.at)
}

// Value is it as JSON.
func (v listFolder) Value() (driver.Value, error) {
	if *v.at == nil {
		return "", nil
	}
	text, err := json.Marshal(*v.at)
	return string(text), err
}

// RunningService is what a serve reports of a service beside capf.
type RunningService struct {
	Name      string   `json:"name"`
	Active    bool     `json:"active"` // as the serve has seen it
	Addresses []string `json:"addresses"`
	Restarts  int64    `json:"restarts"` // that it has carried out
	// Trouble is why it does not listen, or not on all addresses; "" when it does.
	Trouble string `json:"trouble,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// Service is the report of a service beside capf; ok is false when there is none.
func (v Server) Service(name string) (r RunningService, ok bool) {
	i := slices.IndexFunc(v.Services, func(s RunningService) bool { return s.Name == name })
	if i < 0 {
		return r, false
	}
	return v.Services[i], true
}

// addresses is the column of a server's addresses, none of which has a space.
type addresses []string

// Scan reads them apart.
func (v *addresses) Scan(src any) error {
	text, _ := src.(string)
	*v = strings.Fields(text)
	return nil
}

// namedValues is the column of what a server has in force.
type namedValues map[string]string

// Scan reads it from JSON.
func (v *namedValues) Scan(src any) error {
	*v = nil
	text, _ := src.(string)
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), (*map[string]string)(v))
}

// Value is it as JSON, with its names in order.
func (v namedValues) Value() (driver.Value, error) {
	if v == nil {
		return "", nil
	}
	text, err := json.Marshal(map[string]string(v))
	return string(text), err
}

// runningServices is the column of what a server reports of its services.
type runningServices []RunningService

// Scan reads it from JSON.
func (v *runningServices) Scan(src any) error {
	*v = nil
	text, _ := src.(string)
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), (*[]RunningService)(v))
}

// Value is it as JSON.
func (v runningServices) Value() (driver.Value, error) {
	if v == nil {
		return "", nil
	}
	text, err := json.Marshal([]RunningService(v))
	return string(text), err
}

func (v *Server) fields() []any {
	return []any{&v.PID, &v.Host, &v.Version, (*addresses)(&v.Addresses), (*instant)(&v.Since), (*instant)(&v.SeenAt),
		&v.Sessions, &v.Restarts, (*namedValues)(&v.InForce), (*runningServices)(&v.Services), listFolder{&v.Lists}}
}

// forgotten is the age at which the report of a process that did not withdraw
// it is dropped.
const forgotten = 24 * time.Hour

// ReportServer stores the report of a serve process, with the store's time.
// It writes no event.
func (s *Store) ReportServer(ctx context.Context, v Server) error {
	err := s.change(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM servers WHERE seen_at < ? OR seen_at > ?", millis(t.now.Add(-forgotten)), millis(t.now.Add(forgotten))); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO servers (host, pid, version, addresses, since, seen_at, sessions, restarts, in_force, services, list_folder)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (host, pid) DO UPDATE SET version = excluded.version, addresses = excluded.addresses,
			since = excluded.since, seen_at = excluded.seen_at, sessions = excluded.sessions, restarts = excluded.restarts,
			in_force = excluded.in_force, services = excluded.services, list_folder = excluded.list_folder`,
			v.Host, v.PID, v.Version, strings.Join(v.Addresses, " "), millis(v.Since), millis(t.now), v.Sessions, v.Restarts, namedValues(v.InForce), runningServices(v.Services), listFolder{&v.Lists})
		return err
	})
	return failed(err, "reporting a server")
}

// Servers returns the last reports of all serve processes, including those
// that ended without withdrawing it.
func (s *Reader) Servers(ctx context.Context) ([]Server, error) {
	q := query{selection: "SELECT pid, host, version, addresses, since, seen_at, sessions, restarts, in_force, services, list_folder FROM servers", order: "host, pid"}
	return collect(stream(ctx, s, "reading servers", q, (*Server).fields))
}

// RemoveServer withdraws the report of a process, if there is one.
func (s *Store) RemoveServer(ctx context.Context, pid int, host string) error {
	err := s.change(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM open_sessions WHERE host = ? AND pid = ?", host, pid); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM servers WHERE host = ? AND pid = ?", host, pid)
		return err
	})
	return failed(err, "removing the report of a server")
}
