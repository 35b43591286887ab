package health

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"capf/enroll/liveness"
	"capf/internal/plural"
	"capf/store"
)

// overdue is how late a job may be before it is reported: serve may just be
// starting.
const overdue = time.Minute

// openJobFindings reports jobs that were abandoned, or that no process has
// begun on time.
func (x examination) openJobFindings(ctx context.Context) (found []Finding, err error) {
	now := x.now
	var waiting []store.Job
	for j, err := range x.Jobs(ctx, store.JobFilter{Open: true}) {
		switch {
		case err != nil:
			return nil, err
		case j.Abandoned(now):
			found = append(found, abandoned(j))
		case j.State == store.JobWaiting && now.Sub(j.RunAt) > overdue:
			waiting = append(waiting, j)
		}
	}
	if len(waiting) == 0 {
		return found, nil
	}
	servers, err := x.Servers(ctx)
	if err != nil || slices.ContainsFunc(servers, func(v store.Server) bool { return liveness.Alive(v, now) }) {
		return found, err // which runs them one after the other
	}
	text := fmt.Sprintf("job %d was to run at %s", waiting[0].ID, waiting[0].RunAt.UTC().Format(time.RFC3339))
	if n := int64(len(waiting)); n > 1 {
		text = plural.Of(n, "job") + " were to run by now"
	}
	return append(found, warning(JobsOverdue, text+", and no serve is there to run it", "capf job run-due, or start capf serve")), nil
}

func abandoned(j store.Job) Finding {
	return warning(JobAbandoned, fmt.Sprintf("job %d is not at its end, and the process that ran it has ended", j.ID),
		fmt.Sprintf("capf job run-due carries it on, as a running serve does; capf job cancel %d ends it", j.ID)).of(strconv.FormatInt(j.ID, 10))
}

// recent is how long a job that did not go well is reported, unless it is
// deleted earlier.
const recent = 7 * 24 * time.Hour

func (x examination) jobFindings(ctx context.Context) ([]Finding, error) {
	var last store.Job
	var n int64
	for j, err := range x.Jobs(ctx, store.JobFilter{Troubled: true, EndedSince: new(x.now.Add(-recent))}) {
		if err != nil {
			return nil, err
		}
		last = j
		n++
	}
	switch {
	case n == 0:
		return nil, nil
	case n > 1:
		return []Finding{warning(JobsTroubled, fmt.Sprintf("%s of the last 7 days failed or were done in part only", plural.Of(n, "job")), "capf job list --problems")}, nil
	case last.State == store.JobFailed:
		return []Finding{warning(JobsTroubled, fmt.Sprintf("job %d failed: %s", last.ID, last.Detail), fmt.Sprintf("capf job show %d --problems", last.ID))}, nil
	}
	return []Finding{warning(JobsTroubled, fmt.Sprintf("job %d was done in part only: %s", last.ID, last.Detail), fmt.Sprintf("capf job show %d --problems", last.ID))}, nil
}
