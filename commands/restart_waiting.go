package commands

import (
	"context"
	"slices"
	"strings"

	"capf/enroll/restart"
	"capf/enroll/settings"
	"capf/store"
)

// tellRestart says which running servers do not obey what a command has just
// changed, and what puts it in force.
func tellRestart(ctx context.Context, env *Env, s *store.Reader, what string) error {
	changes, err := restart.Changes(ctx, s, env.Now())
	if err != nil {
		return err
	}
	var hosts []string
	var last restart.Waiting
	for _, c := range changes {
		if c.What == what {
			last, hosts = c, append(hosts, c.Server.Host)
		}
	}
	if len(hosts) > 0 {
		env.say("serve on %s still uses %s; %s puts the change in force", strings.Join(slices.Compact(hosts), ", "), last.Old, last.Hint)
	}
	return nil
}

// tellOwnAddresses says which running servers were given their addresses, so that
// the parameter for the port never counts for them.
func tellOwnAddresses(ctx context.Context, env *Env, s *store.Reader) error {
	servers, err := restart.OwnAddresses(ctx, s, env.Now())
	for _, v := range servers {
		env.say("note: serve (pid %d on %s) was started with --listen, so %s does not count for it", v.PID, v.Host, settings.Port)
	}
	return err
}

// waitingFor are the changes for which a service has to be restarted, in words.
func waitingFor(changes []restart.Waiting, service string) []string {
	var words []string
	for _, c := range changes {
		if service == settings.ServiceCAPF && !slices.Contains(words, c.What) {
			words = append(words, c.What)
		}
	}
	return words
}
