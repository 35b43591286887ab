package commands

import (
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/jobs"
	"capf/store"
)

func jobListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the jobs: past, running and future bulk operations",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `Times are local, with the time zone.`,
		Example: "capf job list --state waiting",
		Output:  cmdline.List, Columns: headings(jobColumns),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "`STATE`: " + strings.Join(store.JobStates(), ", ")},
			&cli.BoolFlag{Name: "problems", Usage: "only jobs that failed or were only partly done"},
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
	{"Job", "id", always, func(j store.Job) any { return j.ID }},
	{"Kind", "kind", usual, func(j store.Job) any { return j.Kind }},
	{"State", "state", always, func(j store.Job) any { return j.State }},
	{"Runs at", "run_at", usual, func(j store.Job) any { return term.WithZone(j.RunAt) }},
	{"By", "operator", seldom, func(j store.Job) any { return j.Actor.Name }},
	{"Devices", "selection", usual, func(j store.Job) any {
		return term.Message(jobText(j, func(u bulk.Update) string { return u.Selection.Describe() }))
	}},
	{"Change", "change", usual, func(j store.Job) any { return term.Message(changeText(j)) }},
	{"Applies configuration", "apply_config", wide, func(j store.Job) any { return j.ApplyConfig }},
	{"Made", "created_at", wide, func(j store.Job) any { return term.WithZone(j.CreatedAt) }},
	{"Began", "started_at", wide, func(j store.Job) any { return term.WithZone(j.StartedAt) }},
	{"Seen", "seen_at", wide, func(j store.Job) any { return term.WithZone(j.SeenAt) }},
	{"Ended", "ended_at", seldom, func(j store.Job) any { return term.WithZone(j.EndedAt) }},
	{"Selected", "selected", wide, func(j store.Job) any { return j.Selected }},
	{"Changed", "changed", wide, func(j store.Job) any { return j.Changed }},
	{"Refused", "refused", wide, func(j store.Job) any { return j.Refused }},
	{"Outcome", "detail", always, func(j store.Job) any { return term.Message(j.Detail) }},
}

// jobText is a job's description of its devices or its change. It may be unreadable
// in a job of a later capf.
func jobText(j store.Job, describe func(bulk.Update) string) string {
	u, err := jobs.Read(j)
	if err != nil {
		return "(not readable)"
	}
	return describe(u)
}

// changeText is what a job changes. A string for all devices is kept beside the
// edit.
func changeText(j store.Job) string {
	text := jobText(j, bulk.Update.Describe)
	if j.SealedString != nil {
		text = strings.TrimSpace(text + " auth-string=(set)")
	}
	return text
}
