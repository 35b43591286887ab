package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

func serviceListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the services",
		Privilege: cmdline.Look,
		About: `capf is the listener on which phones connect; enrollment is the client of an
online CA, needed with the issuer online-ca only.`,
		Example: "capf service list",
		Output:  cmdline.List,
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
	{"Service", "name", func(s store.Service) any { return s.Name }},
	{"", "active", func(s store.Service) any { return s.Active }},
	{"State", "state", func(s store.Service) any { return serviceState(s) }},
	{"Restarts asked for", "restarts", func(s store.Service) any { return s.Restarts }},
}

func serviceState(s store.Service) string {
	if s.Active {
		return "activated"
	}
	return "deactivated"
}

func serviceActivateCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "activate", "activate a service", `A running serve obeys within two seconds.`, activation(true))
}

func serviceDeactivateCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "deactivate", "deactivate a service",
		`A running serve obeys within two seconds: it closes its listener and lets the
sessions that run come to their end.`, activation(false))
}

func serviceRestartCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "restart", "restart a service",
		`A running serve obeys within two seconds: it lets the sessions that run come to
their end and reads certificate, port and TLS settings anew.`, serviceRestart)
}

func serviceCommand(env *Env, name, short, about string, run func(context.Context, *Env, string) error) cmdline.Command {
	return cmdline.Command{
		Name: name, Args: "SERVICE", Short: short, About: about,
		Example: "capf service " + name + " capf",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return run(c.Context, env, c.Args().First()) },
	}
}

func activation(active bool) func(context.Context, *Env, string) error {
	return func(ctx context.Context, env *Env, name string) error {
		s, was, err := openService(ctx, env, name)
		if err != nil {
			return err
		}
		if was.Active == active {
			env.say("service %s is %s already", was.Name, serviceState(was))
			return serviceResult(ctx, env, s.Reader, was.Name)
		}
		if err := settings.SetService(ctx, s, env.actor(), was.Name, active); err != nil {
			return err
		}
		was.Active = active
		env.say("service %s is %s", was.Name, serviceState(was))
		if err := awaitObedience(ctx, env, s.Reader, was); err != nil {
			return err
		}
		return serviceResult(ctx, env, s.Reader, was.Name)
	}
}

func serviceRestart(ctx context.Context, env *Env, name string) error {
	s, was, err := openService(ctx, env, name)
	if err != nil {
		return err
	}
	if err := settings.RestartService(ctx, s, env.actor(), was.Name); err != nil {
		return err
	}
	env.say("service %s is told to restart", was.Name)
	if !was.Active {
		env.say("warning: it is deactivated; capf service activate %s starts it", was.Name)
		return serviceResult(ctx, env, s.Reader, was.Name)
	}
	was.Restarts++
	if err := awaitObedience(ctx, env, s.Reader, was); err != nil {
		return err
	}
	return serviceResult(ctx, env, s.Reader, was.Name)
}

func openService(ctx context.Context, env *Env, name string) (*store.Store, store.Service, error) {
	s, err := env.openStore(ctx)
	if err != nil {
		return nil, store.Service{}, err
	}
	service, err := findService(ctx, s.Reader, name)
	return s, service, err
}

func findService(ctx context.Context, s *store.Reader, name string) (store.Service, error) {
	all, err := s.Services(ctx)
	if err != nil {
		return store.Service{}, err
	}
	var names []string
	for _, v := range all {
		names = append(names, v.Name)
	}
	if i := slices.Index(names, strings.ToLower(name)); i >= 0 {
		return all[i], nil
	}
	return store.Service{}, apperr.WithHint(fmt.Errorf("service %q: %w", name, store.ErrNotFound),
		"%s", cmdline.DidYouMean(name, names, "services are "+strings.Join(names, ", ")))
}

func serviceResult(ctx context.Context, env *Env, s *store.Reader, name string) error {
	if env.Format != term.JSON {
		return nil
	}
	service, err := findService(ctx, s, name)
	if err != nil {
		return err
	}
	return showObject(env, fieldsOf(serviceColumns, service))
}
