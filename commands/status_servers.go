package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"capf/commands/internal/term"
	"capf/enroll/liveness"
	"capf/store"
)

// runningNow is a serve process as it has reported itself.
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

// servers lists the serve processes, and finds fault when none of them lives
// although the service is activated, and with those that do not what they are
// told.
func (r *report) servers(ctx context.Context, env *Env, s *store.Reader, service store.Service) error {
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
		} else if v.Restarts < service.Restarts && env.Now().Sub(v.SeenAt) > obedience {
			r.Findings = append(r.Findings, finding{"warning", fmt.Sprintf("serve (pid %d on %s) has not restarted as it was told", v.PID, v.Host), "its log says why"})
		}
	}
	if service.Active && living+mute == 0 {
		text := "no serve is running"
		if last.PID != 0 {
			text += fmt.Sprintf("; pid %d on %s ended without a word, last heard of %s", last.PID, last.Host, term.Cell(last.SeenAt))
		}
		r.Findings = append(r.Findings, finding{"error", text, "capf serve, or systemctl start capf"})
	}
	return nil
}

// obedience is how long a running serve may take to do what it is told
// (behaviour.md allows two seconds), with room for a busy machine.
const obedience = 5 * time.Second

// awaitObedience waits until the running servers have done what was set, so
// that the next line of a script finds it done.
func awaitObedience(ctx context.Context, env *Env, s *store.Reader, service store.Service) error {
	if service.Name != "capf" {
		return nil
	}
	for deadline := time.Now().Add(obedience); ; {
		rows, err := s.Servers(ctx)
		if err != nil {
			return err
		}
		living, waiting := 0, 0
		for _, v := range rows {
			if !liveness.Alive(v, env.Now()) {
				continue
			}
			living++
			if service.Active != (len(v.Addresses) > 0) || v.Restarts < service.Restarts {
				waiting++
			}
		}
		switch {
		case living == 0:
			env.say("note: no serve is running")
			return nil
		case waiting == 0:
			env.say("%s obeyed", counted(living, "running serve"))
			return nil
		case time.Now().After(deadline):
			env.say("warning: %d of %d running serves have not obeyed within %s; capf status says how they stand", waiting, living, obedience)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
