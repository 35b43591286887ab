package commands

import "capf/commands/internal/cmdline"

func serviceDeactivateCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "deactivate", "deactivate a service",
		`A running serve complies within two seconds: it closes its listener and lets the
running sessions finish.`, activation(false))
}
