package commands

import (
	"context"
	"fmt"
	"strings"

	"capf/commands/internal/term"
	"capf/enroll/liveness"
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
}

func (v runningNow) String() string {
	where := strings.Join(v.Addresses, ", ")
	if where == "" {
		where = "not listening"
	}
	return fmt.Sprintf("%s, %s (pid %d on %s, capf %s)", where, counted(v.Sessions, "session"), v.PID, v.Host, v.Version)
}

// servers lists the serve processes. It reports a finding if none is alive although
// the service is activated, and for each that does not do what it is told.
func (r *statusReport) servers(ctx context.Context, env *Env, s *store.Reader, service store.Service) error {
	rows, err := s.Servers(ctx)
	if err != nil {
		return err
	}
	var last store.Server // the one that died last
	living, mute := 0, 0
	for _, v := range rows {
		now := runningNow{v.PID, v.Host, v.Version, v.Addresses, term.Timestamp(v.Since), term.Timestamp(v.SeenAt), v.Sessions, liveness.Alive(v, env.Now())}
		if now.Addresses == nil {
			now.Addresses = []string{}
		}
		r.Servers = append(r.Servers, now)
		silent := liveness.Silent(v, env.Now())
		if silent {
			mute++
			r.Findings = append(r.Findings, finding{"error", fmt.Sprintf("serve (pid %d on %s) has not been able to record anything since %s", v.PID, v.Host, term.Cell(v.SeenAt)),
				"its log says why: the disk is full, or another process keeps the database locked"})
		}
		if !now.Alive {
			if v.SeenAt.After(last.SeenAt) {
				last = v
			}
			continue
		}
		living++
		if service.Active && len(v.Addresses) == 0 {
			r.Findings = append(r.Findings, finding{"error", fmt.Sprintf("serve (pid %d on %s) does not listen", v.PID, v.Host), "its log says why"})
		} else if v.Restarts < service.Restarts && env.Now().Sub(v.SeenAt) > serverDelay {
			r.Findings = append(r.Findings, finding{"warning", fmt.Sprintf("serve (pid %d on %s) has not restarted as it was told", v.PID, v.Host), "its log says why"})
		}
	}
	if service.Active && living+mute == 0 {
		text := "no serve is running"
		if last.PID != 0 {
			text += fmt.Sprintf("; pid %d on %s died, last heard from %s", last.PID, last.Host, term.Cell(last.SeenAt))
		}
		r.Findings = append(r.Findings, finding{"error", text, "capf serve, or systemctl start capf"})
	}
	return nil
}
