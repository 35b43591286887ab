package commands

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/jobs"
	"capf/internal/apperr"
	"capf/store"
)

// jobRunner runs jobs in this process. The function it returns ends the signs of
// life on the terminal.
func jobRunner(env *Env, r *devices.Rules) (jobs.Runner, func(), error) {
	owner, err := jobs.NewOwner(r)
	p := env.progress()
	var mu sync.Mutex // guards p: commands end at the same time
	return jobs.Runner{
		Rules: r, Owner: owner,
		Changing: func(done int64) { p.Show("changing: device %d", done) },
		Progress: func(ended, all int64) {
			mu.Lock()
			defer mu.Unlock()
			p.Show("applying the configuration: %d of %s", ended, counted(all, "device"))
		},
	}, p.End, err
}

// jobID reads the number of a job.
func jobID(s string) (int64, error) {
	n, err := number(s)
	if err != nil {
		return 0, apperr.WithHint(apperr.Usage("%q is not the number of a job", s), "capf job list shows them")
	}
	return int64(n), nil
}

func jobListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the jobs: bulk operations that ran, run or will run",
		Privilege: cmdline.Look,
		About:     `Times are local, with their zone.`,
		Example:   "capf job list --state waiting",
		Output:    cmdline.List,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "`STATE`: " + strings.Join(store.JobStates(), ", ")},
			&cli.BoolFlag{Name: "problems", Usage: "only jobs that failed or were done in part only"},
		},
		Run: func(c *cli.Context) error {
			state, err := parsed(c, "state", store.ParseJobState)
			if err != nil {
				return err
			}
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			return showList(env, s.Jobs(c.Context, store.JobFilter{State: state, Troubled: c.Bool("problems")}), jobColumns, "there is no job")
		},
	}
}

// jobColumns are the properties of a job.
var jobColumns = []column[store.Job]{
	{"Job", "id", func(j store.Job) any { return j.ID }},
	{"Kind", "kind", func(j store.Job) any { return j.Kind }},
	{"State", "state", func(j store.Job) any { return j.State }},
	{"Runs at", "run_at", func(j store.Job) any { return term.WithZone(j.RunAt) }},
	{"By", "operator", func(j store.Job) any { return j.Actor.Name }},
	{"Devices", "selection", func(j store.Job) any {
		return jobText(j, func(u bulk.Update) string { return u.Selection.Describe() })
	}},
	{"Change", "change", func(j store.Job) any { return changeText(j) }},
	{"", "apply_config", func(j store.Job) any { return j.ApplyConfig }},
	{"", "created_at", func(j store.Job) any { return term.WithZone(j.CreatedAt) }},
	{"", "started_at", func(j store.Job) any { return term.WithZone(j.StartedAt) }},
	{"", "seen_at", func(j store.Job) any { return term.WithZone(j.SeenAt) }},
	{"Ended", "ended_at", func(j store.Job) any { return term.WithZone(j.EndedAt) }},
	{"", "selected", func(j store.Job) any { return j.Selected }},
	{"", "changed", func(j store.Job) any { return j.Changed }},
	{"", "refused", func(j store.Job) any { return j.Refused }},
	{"Outcome", "detail", func(j store.Job) any { return j.Detail }},
}

// jobText is what a job says of its devices or its change; one of a later capf
// may not be readable.
func jobText(j store.Job, describe func(bulk.Update) string) string {
	u, err := jobs.Read(j)
	if err != nil {
		return "(not readable)"
	}
	return describe(u)
}

// changeText is what a job changes. One string for all is kept beside its edit.
func changeText(j store.Job) string {
	text := jobText(j, func(u bulk.Update) string { return u.Edit.Describe() })
	if j.SealedString != nil {
		text = strings.TrimSpace(text + " auth-string=(set)")
	}
	return text
}

func jobCancelCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "cancel", Args: "ID", Short: "cancel a job",
		About: `One that waits does not run. One that runs ends after the commands that run
now, or at once when the process that ran it has died; what it has changed stays.`,
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
				env.say("job %d ends as soon as the commands that run now have ended", id)
			}
			if env.Format != term.JSON {
				return nil
			}
			return showObject(env, jobFields(j))
		},
	}
}

func jobRunDueCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "run-due", Short: "run the jobs that are due, where no serve runs",
		Privilege: cmdline.OutsideShell,
		About: `It runs one after the other, and schedules what is due for renewal. A running
serve does both by itself; that a job runs twice is impossible all the same.`,
		Example: "capf job run-due",
		Output:  cmdline.List,
		Run:     func(c *cli.Context) error { return jobRunDue(c.Context, env) },
	}
}

func jobRunDue(ctx context.Context, env *Env) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return err
	}
	jobs, err := runner.RunDue(ctx)
	end()
	if err := showList(env, values(jobs), jobColumns, "no job is due"); err != nil {
		return err
	}
	for _, j := range jobs {
		if err == nil && j.State != store.JobDone {
			err = apperr.WithHint(fmt.Errorf("job %d: %w", j.ID, apperr.ErrPartly), "capf job show %d --problems lists the devices", j.ID)
		}
	}
	return err
}

// jobFields are the properties of a job that is shown by itself.
func jobFields(j store.Job) []field {
	labels := map[string]string{
		"operator": "Asked for by", "apply_config": "Applies configuration", "created_at": "Asked for", "started_at": "Began", "seen_at": "Last sign of life",
		"selected": "Devices selected", "changed": "Devices changed", "refused": "Devices refused",
	}
	var fields []field
	for _, c := range jobColumns {
		label := c.title
		if l, ok := labels[c.key]; ok {
			label = l
		}
		fields = append(fields, field{label, c.key, c.value(j)})
	}
	return fields
}
