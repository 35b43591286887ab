package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/jobs"
	"capf/store"
)

func jobCancelCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "cancel", Args: "ID", Short: "cancel a job",
		Role: cmdline.Operator,
		About: `A waiting job will not run. A running one ends after the commands that are running
now, or at once if its process has died; what it has changed stays.`,
		Example: "capf job cancel 12",
		Output:  cmdline.Object,
		Run: func(c *cli.Context) error {
			id, err := jobID(c.Args().First())
			if err != nil {
				return err
			}
			s, err := env.openStore(c.Context)
			if err != nil {
				return err
			}
			j, err := jobs.Cancel(c.Context, s, env.actor(), id)
			if err != nil {
				return err
			}
			if j.State == store.JobCancelled {
				env.say("job %d is cancelled", id)
			} else {
				env.say("job %d ends as soon as the commands that are running now have ended", id)
			}
			if env.Format != term.JSON {
				return nil
			}
			return showObject(env, jobFields(j))
		},
	}
}
