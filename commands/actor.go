package commands

import (
	"fmt"
	"os"
	"strings"

	"capf/commands/internal/host"
	"capf/enroll/approval"
	"capf/store"
)

// actor is the operator, for the record of a change. What only the caller claims
// is recorded as a claim.
func (env *Env) actor() store.Actor {
	client := env.Getenv("SSH_CLIENT")
	address, _, _ := strings.Cut(client, " ")
	if address != "" && !env.witness.Connected(client) {
		address = claimed(address)
	}
	return store.Actor{Kind: store.Operator, Name: operator(env).Name, Address: address, Terminal: env.Terminal, Command: env.command}
}

// operator is who runs the command, and whether the system vouches for that.
func operator(env *Env) approval.Person {
	if u, is := env.witness.Login(); is {
		return approval.Person{Name: u.Name, ID: u.ID, Vouched: true}
	}
	if u, is := env.witness.Sudoer(env.Getenv); is {
		return approval.Person{Name: u.Name, ID: u.ID, Vouched: true}
	}
	name := host.UserName()
	if sudo := env.Getenv("SUDO_USER"); sudo != "" && sudo != name {
		name += " " + claimed(sudo)
	}
	return approval.Person{Name: name, ID: int64(os.Geteuid())}
}

func claimed(text string) string { return fmt.Sprintf("(says %s)", text) }
