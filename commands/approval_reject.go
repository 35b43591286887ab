package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
)

func approvalRejectCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "reject", Args: "ID", Short: "end a proposal, so that nobody can approve it any more",
		Role: cmdline.Admin,
		About: `Whoever proposed a change takes it back in the same way. What it needed, such as
certificates, is forgotten; that there was a proposal is kept.`,
		Example: "capf approval reject 7 --reason overtaken",
		Output:  cmdline.Object,
		Flags:   []cli.Flag{&cli.StringFlag{Name: "reason", Usage: "`TEXT` for the record"}},
		Run: func(c *cli.Context) error {
			id, err := proposalID(c.Args().First())
			if err != nil {
				return err
			}
			s, err := env.openStore(c.Context)
			if err != nil {
				return err
			}
			p, err := approvals(env, s).Reject(c.Context, id, c.String("reason"))
			if err != nil {
				return err
			}
			env.say("proposal %d of %s is rejected", p.ID, p.ProposedBy)
			return showDecided(env, p)
		},
	}
}
