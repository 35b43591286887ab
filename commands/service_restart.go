package commands

import (
	"context"

	"capf/commands/internal/cmdline"
	"capf/enroll/settings"
)

func serviceRestartCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "restart", "restart a service",
		`A running serve complies within two seconds: it lets the running sessions finish
and reloads certificate, port and TLS settings.`, serviceRestart)
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
	if err := awaitServers(ctx, env, s.Reader, was); err != nil {
		return err
	}
	return serviceResult(ctx, env, s.Reader, was.Name)
}
