package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/approval"
	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/restart"
	"capf/store"
)

type approveOptions struct {
	id     int64
	yes    bool
	dryRun bool
}

func approvalApproveCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "approve", Args: "ID", Short: "have a change carried out that another operator has proposed",
		Role: cmdline.Admin,
		About: `You must be another operator than the one who proposed it, and sshd or sudo must
vouch for that: another user id, and not root. All rules are asked again, and the
change must still do what "capf approval show" says. If something has changed
meanwhile, it is refused.`,
		Example: "capf approval approve 7 --yes",
		Output:  cmdline.Object,
		Flags:   removalFlags(),
		Run: func(c *cli.Context) error {
			id, err := proposalID(c.Args().First())
			if err != nil {
				return err
			}
			return approve(c.Context, env, approveOptions{id, c.Bool("yes"), c.Bool("dry-run")})
		},
	}
}

func approve(ctx context.Context, env *Env, o approveOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	desk := approvals(env, s)
	p, impact, err := desk.Examine(ctx, o.id)
	if err != nil {
		return err
	}
	for _, line := range p.Effects {
		env.say("%s", line)
	}
	sayImpact(env, impact)
	if o.dryRun {
		env.say("proposal %d of %s would be carried out", p.ID, p.ProposedBy)
		return showDecided(env, p)
	}
	if err := env.consent(o.yes, "carry out proposal %d of %s", p.ID, p.ProposedBy); err != nil {
		return err
	}
	if p, err = desk.Approve(ctx, o.id); err != nil {
		return err
	}
	env.say("proposal %d of %s is carried out", p.ID, p.ProposedBy)
	if p, err = s.Proposal(ctx, o.id); err != nil {
		return err
	}
	if err := showDecided(env, p); err != nil {
		return err
	}
	return afterApproval(ctx, env, s, p)
}

// afterApproval says, or does, what is left to be done after a change, as the command
// that has proposed it would.
func afterApproval(ctx context.Context, env *Env, s *store.Store, p store.Proposal) error {
	if approval.Restarts(p) {
		return awaitListener(ctx, env, s)
	}
	if approval.MakesListKeys(p) {
		st, err := lists.Stand(ctx, s.Reader)
		if err == nil {
			sayKeeping(env, st)
		}
		return err
	}
	if !approval.Replaces(p) {
		return nil
	}
	prepared, _, err := authority.PreparedNow(ctx, s.Reader)
	switch {
	case err != nil:
		return err
	case prepared != nil:
		return sayPrepared(ctx, env, s.Reader)
	}
	env.say(previousKept)
	return tellRestart(ctx, env, s.Reader, restart.Certificate)
}

// showDecided prints a proposal for programs; people have read it.
func showDecided(env *Env, p store.Proposal) error {
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, proposalFields(p, env.Now()))
}
