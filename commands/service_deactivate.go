package commands

import "capf/commands/internal/cmdline"

func serviceDeactivateCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "deactivate", "deactivate a service",
		`A running serve obeys within two seconds: it closes its listener and lets the
sessions that run come to their end.`, activation(false))
}
