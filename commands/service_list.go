package commands

import (
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/liveness"
	"capf/enroll/restart"
	"capf/enroll/settings"
	"capf/store"
)

func serviceListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the services",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `capf is the listener on which phones connect; enrollment is the client of an online
CA, needed only with the issuer online-ca; provision gives trust lists and
configuration files to phones; tvs is the Trust Verification Service, which phones ask
about certificates that their lists do not name.`,
		Example: "capf service list",
		Output:  cmdline.List, Columns: headings(listedServices(nil, nil)),
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
			servers, err := s.Servers(c.Context)
			if err != nil {
				return err
			}
			servers = slices.DeleteFunc(servers, func(v store.Server) bool { return !liveness.Alive(v, env.Now()) })
			err = showList(env, values(rows), listedServices(changes, servers), "there is no service")
			if err == nil && len(changes) > 0 {
				env.say("hint: %s puts it in force", changes[0].Hint)
			}
			return err
		},
	}
}

// listedServices are the properties of a service in a list, with the changes that
// wait for its restart, and with what the running servers report of it.
func listedServices(changes []restart.Waiting, servers []store.Server) []column[store.Service] {
	return append(serviceColumns[:len(serviceColumns):len(serviceColumns)],
		column[store.Service]{"Restart needed for", "restart_waiting", always, func(s store.Service) any { return waitingFor(changes, s.Name) }},
		column[store.Service]{"Listens on", "addresses", wide, func(s store.Service) any { return addressesOf(s.Name, servers) }},
		column[store.Service]{"Trouble", "trouble", wide, func(s store.Service) any { return troublesOf(s.Name, servers) }})
}

// addressesOf are those on which the servers listen for a service.
func addressesOf(service string, servers []store.Server) []string {
	all := []string{}
	for _, v := range servers {
		r, _ := v.Service(service)
		if service == settings.ServiceCAPF {
			r.Addresses = v.Addresses
		}
		all = append(all, r.Addresses...)
	}
	return all
}

// troublesOf are what keeps the servers from listening for a service.
func troublesOf(service string, servers []store.Server) []string {
	all := []string{}
	for _, v := range servers {
		if r, _ := v.Service(service); r.Trouble != "" {
			all = append(all, r.Trouble)
		}
	}
	return all
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
