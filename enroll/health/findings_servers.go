package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"capf/enroll/liveness"
	"capf/enroll/restart"
	"capf/enroll/settings"
	"capf/store"
)

// obedience is how long a serve may take to do what it is told.
const obedience = 5 * time.Second

// serverFindings reports a service that no process serves, and each serve that
// does not do what it is told.
func (x examination) serverFindings(ctx context.Context) ([]Finding, error) {
	services, err := x.Services(ctx)
	if err != nil {
		return nil, err
	}
	var service store.Service
	for _, s := range services {
		if s.Name == settings.ServiceCAPF {
			service = s
		}
	}
	servers, err := x.Servers(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	var last store.Server // the one that died last
	running := false
	for _, v := range servers {
		alive, silent := liveness.Alive(v, x.now), liveness.Silent(v, x.now)
		running = running || alive || silent
		if !alive && !silent && v.SeenAt.After(last.SeenAt) {
			last = v
		}
		found = append(found, x.disobedient(v, service, alive, silent)...)
		if alive {
			found = append(found, troubles(v)...)
			found = append(found, listTrouble(v)...)
		}
	}
	if service.Active && !running {
		text := "no serve is running"
		if last.PID != 0 {
			text += fmt.Sprintf("; %s died, last heard from %s", process(last), utc(last.SeenAt))
		}
		found = append(found, severe(ServeMissing, text, "capf serve, or systemctl start capf"))
	}
	return found, nil
}

// disobedient reports what a serve does not do although it should.
func (x examination) disobedient(v store.Server, service store.Service, alive, silent bool) (found []Finding) {
	if silent {
		found = append(found, severe(ServeSilent, fmt.Sprintf("serve (%s) has not been able to record anything since %s", process(v), utc(v.SeenAt)),
			"its log says why: the disk is full, or another process keeps the database locked").of(process(v)))
	}
	switch {
	case !alive:
	case service.Active && len(v.Addresses) == 0:
		found = append(found, severe(ServeDeaf, fmt.Sprintf("serve (%s) does not listen", process(v)), "its log says why").of(process(v)))
	case v.Restarts < service.Restarts && x.now.Sub(v.SeenAt) > obedience:
		found = append(found, warning(ServeNotRestarted, fmt.Sprintf("serve (%s) has not restarted as it was told", process(v)), "its log says why").of(process(v)))
	}
	return found
}

// troubles reports the services beside capf for which a serve does not listen, or not
// on all addresses.
func troubles(v store.Server) (found []Finding) {
	for _, s := range v.Services {
		if s.Trouble == "" {
			continue
		}
		text := fmt.Sprintf("serve (%s) does not listen for the service %s: %s", process(v), s.Name, s.Trouble)
		f := severe(ServiceTrouble, text, s.Hint)
		if len(s.Addresses) > 0 {
			f = warning(ServiceTrouble, strings.Replace(text, "does not listen for", "listens only partly for", 1), s.Hint)
		}
		found = append(found, f.of(process(v)+": "+s.Name))
	}
	return found
}

// listTrouble reports that phones do not get the trust lists that they should.
func listTrouble(v store.Server) []Finding {
	if v.Lists == nil || v.Lists.Trouble == "" {
		return nil
	}
	text := fmt.Sprintf("serve (%s) does not keep trust lists in %q: %s", process(v), v.Lists.Folder, v.Lists.Trouble)
	return []Finding{severe(ListsTrouble, text, v.Lists.Hint).of(process(v))}
}

// process says which process of which host a serve is.
func process(v store.Server) string { return fmt.Sprintf("pid %d on %s", v.PID, v.Host) }

// utc is a time as texts have it; a table shows it in the zone of its reader.
func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// restartFindings reports each change that a running serve does not obey before
// it is restarted.
func (x examination) restartFindings(ctx context.Context) ([]Finding, error) {
	changes, err := restart.Changes(ctx, x.Reader, x.now)
	var found []Finding
	for _, c := range changes {
		found = append(found, warning(RestartWaiting, c.String(), c.Hint).of(process(c.Server)+": "+c.What))
	}
	return found, err
}
