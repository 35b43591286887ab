package commands

import (
	"fmt"
	"strings"

	"capf/commands/internal/host"
	"capf/store"
)

// actor is the operator, for the record of a change. What only the caller claims
// is recorded as a claim.
func (env *Env) actor() store.Actor {
	name, sudo := host.UserName(), env.Getenv("SUDO_USER")
	switch login := env.witness.Login(); {
	case login != "":
		name = login
	case sudo == "" || sudo == name:
	case env.witness.BySudo():
		name = sudo
	default:
		name += " " + claimed(sudo)
	}
	client := env.Getenv("SSH_CLIENT")
	address, _, _ := strings.Cut(client, " ")
	if address != "" && !env.witness.Connected(client) {
		address = claimed(address)
	}
	return store.Actor{Kind: store.Operator, Name: name, Address: address, Terminal: env.Terminal, Command: env.command}
}

func claimed(text string) string { return fmt.Sprintf("(says %s)", text) }
