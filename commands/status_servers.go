package commands

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"capf/commands/internal/term"
	"capf/enroll/liveness"
	"capf/enroll/restart"
	"capf/store"
)

// runningNow is a serve process, as it has reported itself.
type runningNow struct {
	PID       int      `json:"pid"`
	Host      string   `json:"host"`
	Version   string   `json:"version"`
	Addresses []string `json:"addresses"`
	Since     string   `json:"since"`
	SeenAt    string   `json:"seen_at"`
	Sessions  int      `json:"sessions"`
	Alive     bool     `json:"alive"`
	// Services are those beside capf that it runs, or should.
	Services []runningBeside `json:"services"`
	// Waiting are the changes that it obeys only after a restart.
	Waiting []string `json:"restart_waiting"`
}

// runningBeside is a service beside capf, as its serve has reported it.
type runningBeside struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Trouble   string   `json:"trouble"`
}

func (v runningBeside) String() string {
	return cmp.Or(strings.Join(v.Addresses, ", "), "not listening")
}

func (v runningNow) String() string {
	where := strings.Join(v.Addresses, ", ")
	if where == "" {
		where = "not listening"
	}
	return fmt.Sprintf("%s, %s (pid %d on %s, capf %s)", where, counted(v.Sessions, "session"), v.PID, v.Host, v.Version)
}

// servers lists the serve processes.
func (r *statusReport) servers(ctx context.Context, env *Env, s *store.Reader) error {
	rows, err := s.Servers(ctx)
	if err != nil {
		return err
	}
	changes, err := restart.Changes(ctx, s, env.Now())
	if err != nil {
		return err
	}
	for _, v := range rows {
		now := runningNow{v.PID, v.Host, v.Version, v.Addresses, term.Timestamp(v.Since), term.Timestamp(v.SeenAt), v.Sessions, liveness.Alive(v, env.Now()), []runningBeside{}, []string{}}
		for _, b := range v.Services {
			if b.Active {
				now.Services = append(now.Services, runningBeside{b.Name, b.Addresses, b.Trouble})
			}
		}
		for _, c := range changes {
			if c.Server.PID == v.PID && c.Server.Host == v.Host {
				now.Waiting = append(now.Waiting, c.What)
			}
		}
		if now.Addresses == nil {
			now.Addresses = []string{}
		}
		r.Servers = append(r.Servers, now)
	}
	return nil
}
