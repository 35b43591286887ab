package commands

import (
	"sync"

	"capf/enroll/devices"
	"capf/enroll/jobs"
	"capf/internal/apperr"
	"capf/store"
)

// jobRunner runs jobs in this process. The function that it returns ends the
// progress on the terminal.
func jobRunner(env *Env, r *devices.Rules) (jobs.Runner, func(), error) {
	owner, err := jobs.NewOwner(r)
	p := env.progress()
	var mu sync.Mutex // guards p, because commands run in parallel
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
