package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/store"
)

func serviceListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the services",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `capf is the listener on which phones connect; enrollment is the client of an online
CA, needed only with the issuer online-ca.`,
		Example: "capf service list",
		Output:  cmdline.List, Columns: headings(serviceColumns),
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			rows, err := s.Services(c.Context)
			if err != nil {
				return err
			}
			return showList(env, values(rows), serviceColumns, "there is no service")
		},
	}
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
