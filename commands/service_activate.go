package commands

import (
	"context"

	"capf/commands/internal/cmdline"
	"capf/enroll/settings"
)

func serviceActivateCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "activate", "activate a service", `A running serve complies within two seconds, or says what keeps it from listening.`, activation(true))
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
		if err := awaitServers(ctx, env, s.Reader, was); err != nil {
			return err
		}
		return serviceResult(ctx, env, s.Reader, was.Name)
	}
}
