package commands

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/approval"
	"capf/store"
)

func approvalShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "ID", Short: "show a proposal: who wants what to be changed",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `Below its properties stands what it would do, a line for each thing: + adds, ~
changes, - removes. Compare the SHA-256 of a certificate with what its owner says.
Secrets are not shown.`,
		Example: "capf approval show 7",
		Output:  cmdline.Object,
		Run: func(c *cli.Context) error {
			id, err := proposalID(c.Args().First())
			if err != nil {
				return err
			}
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			p, err := s.Proposal(c.Context, id)
			if err != nil {
				return err
			}
			return showProposal(env, p)
		},
	}
}

func showProposal(env *Env, p store.Proposal) error {
	if err := showObject(env, proposalFields(p, env.Now())); err != nil || env.Format == term.JSON {
		return err
	}
	fmt.Fprintln(env.out)
	for _, line := range p.Effects {
		fmt.Fprintln(env.out, term.OneLine(line))
	}
	return nil
}

// showWaiting shows what a command would have done that has to wait: to a program as its
// result.
func showWaiting(env *Env, err error) error {
	var waiting *approval.Waiting
	if !errors.As(err, &waiting) {
		return nil
	}
	if env.Format == term.JSON {
		return showObject(env, proposalFields(waiting.Proposal, env.Now()))
	}
	for _, line := range waiting.Proposal.Effects {
		env.say("%s", line)
	}
	env.say("it can be approved until %s", term.Cell(term.WithZone(waiting.Proposal.ExpiresAt)))
	return nil
}
