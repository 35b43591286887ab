package store

import (
	"context"
	"iter"
	"time"
)

// Job is a bulk operation that runs now or later.
type Job struct {
	ID           int64
	Kind         JobKind
	State        JobState
	RunAt        time.Time
	Selection    string    // which devices, in the words of package bulk
	Edit         string    // what to change, in the words of package bulk
	SealedString []byte    // one authentication string for all; nil when there is none
	ApplyConfig  bool      // run the command for each device that changed
	Actor        Actor     // who asked for it
	Owner        string    // the process that runs it
	SeenAt       time.Time // the process's last sign of life
	CreatedAt    time.Time
	StartedAt    time.Time
	UpdatedAt    time.Time // when its devices were changed
	EndedAt      time.Time
	Cancel       bool // an operator wants it to stop
	BulkTally
	Detail string // how it ended, in one line
}

// JobDevice is the result of a job for one device.
type JobDevice struct {
	Device    string
	Change    string // changed, same or refused
	Reason    string // for a refusal; or what was left alone
	Command   CommandState
	ExitCode  int    // of the command; -1 when it did not end by itself
	Output    string // the last line that the command wrote, or why it could not run
	StartedAt time.Time
	EndedAt   time.Time
}

const (
	jobColumns = `id, kind, state, run_at, selection, edit, apply_config, actor_kind, actor_name, address, terminal,
	command, owner, seen_at, created_at, started_at, updated_at, ended_at, cancel, selected, changed, refused, detail, sealed_string`
	jobDeviceColumns = "device, change, reason, apply, exit_code, output, started_at, ended_at"
	// Word for word the condition of the index jobs_open.
	isOpen = "(state = 'waiting' OR state = 'running')"
)

func (j *Job) fields() []any {
	return []any{&j.ID, (*string)(&j.Kind), (*string)(&j.State), (*instant)(&j.RunAt), &j.Selection, &j.Edit, &j.ApplyConfig,
		(*string)(&j.Actor.Kind), &j.Actor.Name, &j.Actor.Address, &j.Actor.Terminal, &j.Actor.Command, &j.Owner,
		(*instant)(&j.SeenAt), (*instant)(&j.CreatedAt), (*instant)(&j.StartedAt), (*instant)(&j.UpdatedAt), (*instant)(&j.EndedAt), &j.Cancel,
		&j.Selected, &j.Changed, &j.Refused, &j.Detail, &j.SealedString}
}

func (d *JobDevice) fields() []any {
	return []any{&d.Device, &d.Change, &d.Reason, (*string)(&d.Command), &d.ExitCode, &d.Output,
		(*instant)(&d.StartedAt), (*instant)(&d.EndedAt)}
}

// AddJob adds a job: with an owner it is already running in that process,
// without one it waits. The store sets the id, the state and all times but
// RunAt.
func (s *Store) AddJob(ctx context.Context, j Job) (Job, error) {
	err := s.change(ctx, func(t *tx) error { return addJob(t, &j) })
	if err != nil {
		return Job{}, failed(err, "adding a job")
	}
	return j, nil
}

func addJob(t *tx, j *Job) (err error) {
	j.State, j.CreatedAt, j.StartedAt, j.SeenAt = JobWaiting, t.now, time.Time{}, time.Time{}
	if j.Owner != "" {
		j.State, j.RunAt, j.StartedAt, j.SeenAt = JobRunning, t.now, t.now, t.now
	}
	j.RunAt = wholeMillis(j.RunAt)
	j.ID, err = t.insert(`INSERT INTO jobs (kind, state, run_at, selection, edit, apply_config, actor_kind, actor_name,
		address, terminal, command, owner, seen_at, created_at, started_at, sealed_string)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(j.Kind), string(j.State), millis(j.RunAt), j.Selection, j.Edit, j.ApplyConfig, string(j.Actor.Kind),
		j.Actor.Name, j.Actor.Address, j.Actor.Terminal, j.Actor.Command, j.Owner, millis(j.SeenAt), millis(t.now),
		millis(j.StartedAt), j.SealedString)
	if err != nil {
		return err
	}
	return t.event(j.Actor, "", EventText{Action: "job-add", Detail: j.title()})
}

// JobFilter limits a list of jobs; fields that are empty or nil do not.
type JobFilter struct {
	State       JobState
	Open        bool // waiting or running
	Troubled    bool // failed, or done in part only
	EndedSince  *time.Time
	EndedBefore *time.Time
}

// Jobs yields jobs, oldest first; those that EndedSince limits, by their end.
func (s *Reader) Jobs(ctx context.Context, f JobFilter) iter.Seq2[Job, error] {
	return stream(ctx, s, "reading jobs", f.query(), (*Job).fields)
}

// CountJobs counts what Jobs yields.
func (s *Reader) CountJobs(ctx context.Context, f JobFilter) (int64, error) {
	n, err := s.count(ctx, "jobs", f.query())
	return n, failed(err, "counting jobs")
}

func (f JobFilter) query() query {
	q := query{selection: "SELECT " + jobColumns + " FROM jobs", order: "id"}
	if f.State != "" {
		q.where("state = ?", string(f.State))
	}
	if f.Open {
		q.where(isOpen)
	}
	if f.Troubled {
		q.where("(state = 'partly' OR state = 'failed')") // word for word as in the index jobs_troubled
	}
	if f.EndedSince != nil {
		q.where("ended_at >= ?", millis(*f.EndedSince))
		q.order = "ended_at, id"
	}
	if f.EndedBefore != nil {
		q.where("ended_at > 0 AND ended_at < ?", millis(*f.EndedBefore))
	}
	return q
}

// Job returns a job. ErrNotFound: there is none with the id.
func (s *Reader) Job(ctx context.Context, id int64) (Job, error) {
	var j Job
	err := s.point(ctx, "SELECT "+jobColumns+" FROM jobs WHERE id = ?", []any{id}, j.fields()...)
	if err != nil {
		return Job{}, failed(err, "reading job %d", id)
	}
	return j, nil
}

// JobDevices yields the results of a job by device. Like those of Selected,
// the rows are read page by page.
func (s *Reader) JobDevices(ctx context.Context, id int64) iter.Seq2[JobDevice, error] {
	return func(yield func(JobDevice, error) bool) {
		for after := ""; ; {
			q := query{selection: "SELECT " + jobDeviceColumns + " FROM job_devices", order: "device LIMIT ?"}
			q.where("job_id = ?", id)
			q.where("device > ?", after)
			q.args = append(q.args, pageSize)
			page, err := collect(stream(ctx, s, "reading the results of a job", q, (*JobDevice).fields))
			if err != nil {
				yield(JobDevice{}, err)
				return
			}
			for _, d := range page {
				if !yield(d, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1].Device
		}
	}
}

// CountNoted counts the devices of a job of which that was noted.
func (s *Reader) CountNoted(ctx context.Context, id int64, note string) (n int64, err error) {
	err = s.point(ctx, "SELECT count(*) FROM job_devices WHERE job_id = ? AND change <> 'refused' AND reason = ?", []any{id, note}, &n)
	return n, failed(err, "counting the results of job %d", id)
}

// CommandCounts counts the devices of a job by the state of their commands.
func (s *Reader) CommandCounts(ctx context.Context, id int64) (map[CommandState]int64, error) {
	type row struct {
		state CommandState
		n     int64
	}
	q := query{selection: "SELECT apply, count(*) FROM job_devices WHERE job_id = ? GROUP BY apply", args: []any{id}}
	rows, err := collect(stream(ctx, s, "counting the results of a job", q, func(r *row) []any { return []any{(*string)(&r.state), &r.n} }))
	counts := map[CommandState]int64{}
	for _, r := range rows {
		counts[r.state] = r.n
	}
	return counts, err
}
