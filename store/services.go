package store

import (
	"context"
)

// Service is a service that an operator can activate and deactivate.
type Service struct {
	Name   string // as settings.ServiceCAPF
	Active bool
	// Restarts counts the restarts that operators have asked for; a running
	// serve that has seen fewer drains and starts again.
	Restarts int64
}

func (v *Service) fields() []any { return []any{&v.Name, &v.Active, &v.Restarts} }

// Services returns all services by name.
func (s *Reader) Services(ctx context.Context) ([]Service, error) {
	all, err := few(ctx, s, "SELECT name, active, restarts FROM services ORDER BY name", nil, (*Service).fields)
	return all, failed(err, "reading services")
}

// SetService activates or deactivates a service; there is no event when
// nothing changes. ErrNotFound: there is no such service.
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
	err := s.change(ctx, func(t *tx) error { return restartService(t, a, name) })
	return failed(err, "restarting service %q", name)
}

func restartService(t *tx, a Actor, name string) error {
	n, err := t.exec("UPDATE services SET restarts = restarts + 1 WHERE name = ?", name)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNotFound
	}
	return t.event(a, "", EventText{Action: "service-restart", Detail: name})
}
