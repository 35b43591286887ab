package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func newJob(t *testing.T, s *Store, at time.Time, owner string, apply bool) Job {
	t.Helper()
	j, err := s.AddJob(t.Context(), Job{Kind: BulkUpdate, RunAt: at, Selection: "{}", Edit: "{}", ApplyConfig: apply, Actor: operator, Owner: owner})
	must(t, err)
	return j
}

// bump is a change of every device, which is always allowed.
func bump(ready func(BulkTally) error) BulkEdit {
	if ready == nil {
		ready = func(BulkTally) error { return nil }
	}
	return BulkEdit{Event: EventText{Action: "bulk-update"}, Change: func(v *Selected) error { v.Schedule++; return nil }, Ready: ready}
}

// TestBulkEvents: each device that is changed at once has its event, more of them than
// one statement writes.
func TestBulkEvents(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	const devices = 2*eventRows + 3
	for i := range devices {
		addDevice(t, s, fmt.Sprintf("SEP%012d", i))
	}
	j := newJob(t, s, start, "a", false)
	_, err := s.UpdateByJob(t.Context(), operator, j.ID, "a", Selection{}, bump(nil))
	must(t, err)
	told := map[string]int{}
	for e, err := range s.Events(t.Context(), EventFilter{}) {
		must(t, err)
		if e.Action == "bulk-update" && e.Device != "" {
			told[e.Device]++
		}
	}
	for i := range devices {
		if name := fmt.Sprintf("SEP%012d", i); told[name] != 1 {
			t.Errorf("%s has %d events", name, told[name])
		}
	}
	report, err := s.VerifyEvents(t.Context(), nil)
	if err != nil || report.Fault != nil {
		t.Errorf("the record does not hold: %+v, %v", report, err)
	}
}

func TestJobLife(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	ctx := t.Context()
	for i := range 3 {
		addDevice(t, s, fmt.Sprintf("SEP%012d", i))
	}
	_, err := s.ClaimJob(ctx, "a")
	wantErr(t, err, ErrNotFound)
	later := newJob(t, s, start.Add(time.Hour), "", false)
	first := newJob(t, s, start, "", true)
	j, err := s.ClaimJob(ctx, "a")
	must(t, err)
	if j.ID != first.ID || j.State != JobRunning || j.Owner != "a" || !j.StartedAt.Equal(start) {
		t.Fatalf("the claimed job is %+v", j)
	}
	_, err = s.ClaimJob(ctx, "b")
	wantErr(t, err, ErrNotFound)

	// Only the owner works on it, and once.
	_, err = s.UpdateByJob(ctx, operator, j.ID, "b", Selection{}, bump(nil))
	wantErr(t, err, ErrConflict)
	n, err := s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, bump(nil))
	must(t, err)
	if n != (BulkTally{3, 3, 0}) {
		t.Errorf("the update says %+v", n)
	}
	_, err = s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, bump(nil))
	wantErr(t, err, ErrConflict)
	device, _, err := s.NextCommand(ctx, j.ID, "a")
	must(t, err)
	_, _, err = s.NextCommand(ctx, j.ID, "b")
	wantErr(t, err, ErrConflict)
	must(t, s.EndCommand(ctx, j.ID, JobDevice{Device: device, Command: CommandDone}))
	e := events(t, s, 1, func() { must(t, s.EndJob(ctx, operator, j.ID, "a", JobEnd{State: JobPartly, Detail: "enough"})) })
	if e.Action != "job-end" || e.Outcome != string(JobPartly) || e.Detail != fmt.Sprintf("job %d: enough", j.ID) {
		t.Errorf("the event is %+v", e)
	}
	wantErr(t, s.EndJob(ctx, operator, j.ID, "a", JobEnd{State: JobDone}), ErrConflict)
	counts, err := s.CommandCounts(ctx, j.ID)
	must(t, err)
	if counts[CommandDone] != 1 || counts[CommandCancelled] != 2 {
		t.Errorf("the commands are %v", counts)
	}
	if _, err := s.TouchJob(ctx, j.ID, "a"); !errors.Is(err, ErrConflict) {
		t.Errorf("a job that has ended: %v", err)
	}

	// A job that is released, or whose owner is not seen, goes to the next one.
	c.move(time.Hour)
	j, err = s.ClaimJob(ctx, "a")
	must(t, err)
	if j.ID != later.ID {
		t.Errorf("the second job is %+v", j)
	}
	must(t, s.ReleaseJob(ctx, j.ID, "a"))
	_, err = s.ClaimJob(ctx, "b")
	must(t, err)
	c.move(29 * time.Second)
	if _, err := s.TouchJob(ctx, j.ID, "b"); err != nil {
		t.Error(err)
	}
	c.move(29 * time.Second)
	_, err = s.ClaimJob(ctx, "c")
	wantErr(t, err, ErrNotFound)
	c.move(2 * time.Second)
	_, err = s.ClaimJob(ctx, "c")
	must(t, err)
	_, err = s.CancelJob(ctx, operator, j.ID)
	must(t, err)
	cancel, err := s.TouchJob(ctx, j.ID, "c")
	must(t, err)
	if !cancel {
		t.Error("the owner is not told of the cancellation")
	}
	_, err = s.UpdateByJob(ctx, operator, j.ID, "c", Selection{}, bump(nil))
	wantErr(t, err, ErrConflict)
	_, err = s.Job(ctx, 99)
	wantErr(t, err, ErrNotFound)
}

// TestUpdateIsUndone: an error at the end, or on the way, leaves nothing.
func TestUpdateIsUndone(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ctx := t.Context()
	schedules := map[string]int64{}
	for i := range 2500 { // three pages
		d := addDevice(t, s, fmt.Sprintf("SEP%012d", i))
		schedules[d.Name] = d.Schedule
	}
	j := newJob(t, s, start, "a", true)
	boom := errors.New("boom")
	events(t, s, 0, func() {
		_, err := s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, bump(func(BulkTally) error { return boom }))
		if err != boom {
			t.Errorf("the error of Ready came back as %v", err)
		}
		seen := 0
		edit := bump(nil)
		edit.Change = func(v *Selected) error {
			if seen++; seen == 2100 {
				return boom
			}
			v.Schedule++
			return nil
		}
		_, err = s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, edit)
		wantErr(t, err, boom)
		wrong := bump(nil)
		wrong.Change = func(v *Selected) error { v.RSABits = 2048; v.Operation = "nonsense"; return nil }
		if _, err := s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, wrong); err == nil {
			t.Error("nonsense was written")
		}
	})
	for d, err := range s.Devices(ctx, DeviceFilter{}) {
		must(t, err)
		if d.Schedule != schedules[d.Name] || d.Operation != Install {
			t.Fatalf("%s was changed", d.Name)
		}
	}
	if len(all(t, s.JobDevices(ctx, j.ID))) != 0 {
		t.Error("results were kept")
	}
	refuse := bump(nil)
	refuse.Change = func(v *Selected) error {
		if strings.HasSuffix(v.Name, "7") {
			return fmt.Errorf("wrapped: %w", Refusal{"seven"})
		}
		if strings.HasSuffix(v.Name, "8") {
			return nil
		}
		v.Pool = "new" // an indexed column
		return nil
	}
	e := events(t, s, 2001, func() {
		n, err := s.UpdateByJob(ctx, operator, j.ID, "a", Selection{}, refuse)
		must(t, err)
		if n != (BulkTally{2500, 2000, 250}) {
			t.Errorf("the update says %+v", n)
		}
	})
	if !strings.Contains(e.Detail, "2000 of 2500") || e.Device != "" {
		t.Errorf("the last event is %+v", e)
	}
	if n := len(all(t, s.Devices(ctx, DeviceFilter{Pool: "new"}))); n != 2000 {
		t.Errorf("the index finds %d devices", n)
	}
	results := all(t, s.JobDevices(ctx, j.ID))
	if len(results) != 2500 || results[7].Reason != "seven" || results[7].Command != CommandNone || results[9].Command != CommandDue {
		t.Errorf("%d results, such as %+v", len(results), results[7:10])
	}
	r, err := s.VerifyEvents(ctx, nil)
	must(t, err)
	if r.Fault != nil {
		t.Errorf("the record is broken: %+v", r.Fault)
	}
}

func TestTemplatesAndGroups(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ctx := t.Context()
	wantErr(t, s.DeleteTemplate(ctx, operator, "x"), ErrNotFound)
	v, err := s.AddTemplate(ctx, operator, Template{Name: "Soft", Settings: "{}", SealedString: []byte("sealed")})
	must(t, err)
	_, err = s.AddTemplate(ctx, operator, Template{Name: "soft", Settings: "{}"})
	wantErr(t, err, ErrConflict)
	v.Description = "changed"
	must(t, s.ChangeTemplate(ctx, operator, v))
	wantErr(t, s.UpsertFeatureGroup(ctx, operator, FeatureGroup{Name: "g", Template: "none"}), ErrNotFound)
	must(t, s.UpsertFeatureGroup(ctx, operator, FeatureGroup{Name: "g", Template: "soft"}))
	events(t, s, 0, func() { must(t, s.UpsertFeatureGroup(ctx, operator, FeatureGroup{Name: "G", Template: "soft"})) })
	wantErr(t, s.DeleteTemplate(ctx, operator, "soft"), ErrConflict)
	g, err := s.FeatureGroup(ctx, "G")
	must(t, err)
	must(t, s.AddDirectory(ctx, operator, Directory{Name: "d", Settings: "{}", FeatureGroupID: g.ID}))
	wantErr(t, s.AddDirectory(ctx, operator, Directory{Name: "D", Settings: "{}"}), ErrConflict)
	wantErr(t, s.DeleteFeatureGroup(ctx, operator, "g"), ErrConflict)
	must(t, s.DeleteDirectory(ctx, operator, "d"))
	must(t, s.DeleteFeatureGroup(ctx, operator, "g"))
	must(t, s.DeleteTemplate(ctx, operator, "SOFT"))
	if n := len(all(t, s.Events(context.Background(), EventFilter{}))); n != 7 {
		t.Errorf("%d events", n)
	}
}

// TestSelectionPlans: a page of a selection is found by an index, and goes on
// behind the last name without a sort.
func TestSelectionPlans(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	for _, test := range []struct {
		f    Selection
		want string
	}{
		{Selection{}, "sqlite_autoindex_devices_1 (name>?)"},
		{Selection{DeviceFilter: DeviceFilter{Name: "SEP*"}}, "sqlite_autoindex_devices_1 (name>? AND name<?)"},
		{Selection{DeviceFilter: DeviceFilter{Pool: "x"}}, "sqlite_autoindex_devices_1 (name>?)"},
		{Selection{DeviceFilter: DeviceFilter{Operation: Install}}, "devices_scheduled (operation=? AND name>?)"},
		{Selection{HoldingFilter: HoldingFilter{LSCExpiresBefore: new(start)}}, "lscs_installed (device_id=?)"},
		{Selection{HoldingFilter: HoldingFilter{LSC: HoldsIssued}}, "lscs_device_id (device_id=?)"},
	} {
		plan := explain(t, s, test.f.page(c.now(), "SEP1"))
		if !strings.Contains(plan, test.want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v:\n%swant %q", test.f, plan, test.want)
		}
	}
	for what, q := range map[string]query{
		"jobs_open":       {selection: "SELECT id FROM jobs", terms: []string{isOpen}, order: "run_at"},
		"job_devices_due": {selection: "SELECT device FROM job_devices", terms: []string{"job_id = 1", "apply = 'due'"}, order: "device"},
	} {
		if plan := explain(t, s, q); !strings.Contains(plan, what) {
			t.Errorf("%s\n%s", q, plan)
		}
	}
}
