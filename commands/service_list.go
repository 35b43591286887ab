package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/restart"
	"capf/store"
)

func serviceListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the services",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `capf is the listener on which phones connect; enrollment is the client of an online
CA, needed only with the issuer online-ca.`,
		Example: "capf service list",
		Output:  cmdline.List, Columns: headings(listedServices(nil)),
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			rows, err := s.Services(c.Context)
			if err != nil {
				return err
			}
			changes, err := restart.Changes(c.Context, s, env.Now())
			if err != nil {
				return err
			}
			err = showList(env, values(rows), listedServices(changes), "there is no service")
			if err == nil && len(changes) > 0 {
				env.say("hint: %s puts it in force", changes[0].Hint)
			}
			return err
		},
	}
}

// listedServices are the properties of a service in a list, with the changes that
// wait for its restart.
func listedServices(changes []restart.Waiting) []column[store.Service] {
	return append(serviceColumns[:len(serviceColumns):len(serviceColumns)],
		column[store.Service]{"Restart needed for", "restart_waiting", always, func(s store.Service) any { return waitingFor(changes, s.Name) }})
}

// serviceColumns are the properties of a service in a list.
var serviceColumns = []column[store.Service]{
	{"Service", "name", always, func(s store.Service) any { return s.Name }},
	{"", "active", wide, func(s store.Service) any { return s.Active }},
	{"State", "state", always, func(s store.Service) any { return serviceState(s) }},
	{"Restarts asked for", "restarts", usual, func(s store.Service) any { return s.Restarts }},
}

func serviceState(s store.Service) string {
	if s.Active {
		return "activated"
	}
	return "deactivated"
}
