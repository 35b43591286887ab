package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/jobs"
	"capf/internal/apperr"
	"capf/store"
)

// schedule makes a job that sets the pool of all devices at the time.
func (h *house) schedule(at time.Time, apply bool) store.Job {
	h.Helper()
	j, err := jobs.Schedule(h.Context(), h.Rules, devicestest.Operator, bulk.Update{
		Edit: devices.Edit{Operation: devicestest.Ptr(store.Install)}, ApplyConfig: apply,
	}, at)
	devicestest.Must(h.TB, err)
	return j
}

func (h *house) job(id int64) store.Job {
	h.Helper()
	j, err := h.Rules.Store.Job(h.Context(), id)
	devicestest.Must(h.TB, err)
	return j
}

// applied is what became of the commands of a job, by device.
func (h *house) applied(id int64) (all []string) {
	h.Helper()
	for d, err := range h.Rules.Store.JobDevices(h.Context(), id) {
		devicestest.Must(h.TB, err)
		all = append(all, fmt.Sprintf("%s %s %d %s", d.Device, d.Command, d.ExitCode, d.Output))
	}
	return all
}

// script is a program for apply_config_command. What it does last, it does for
// each device: "$1" is the name.
func (h *house) script(text string) (folder string) {
	h.Helper()
	folder = h.TempDir()
	file := filepath.Join(folder, "apply")
	devicestest.Must(h.TB, os.WriteFile(file, []byte("#!/bin/sh\ncd "+folder+"\n"+text+"\n"), 0o700))
	h.Set("apply_config_command", file+" {device}")
	return folder
}

// patience is for how long a test waits for what has to happen, on a machine that
// does much else.
const patience = 5 * time.Minute

// eventually waits until something is so; that it never is, is for the test's
// own time-out to say.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for begin := time.Now(); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("%s: not so in time", what)
		}
	}
}

func TestJobAtItsTime(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	for _, at := range []time.Time{devicestest.Start, h.Clock.Now()} {
		_, err := jobs.Schedule(t.Context(), h.Rules, devicestest.Operator, bulk.Update{Edit: devices.Edit{UniqueString: true}}, at)
		if !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), "has passed") {
			t.Errorf("a job at %v: %v", at, err)
		}
	}
	soon := h.Clock.Now().Add(time.Hour)
	_, err := jobs.Schedule(t.Context(), h.Rules, devicestest.Operator, bulk.Update{
		Edit: devices.Edit{Operation: devicestest.Ptr(store.Install), CompletesBy: devicestest.Ptr(devices.At(soon))},
	}, soon.Add(time.Hour))
	if !errors.Is(err, apperr.ErrValue) {
		t.Errorf("an operation that is over before its job runs: %v", err)
	}
	j := h.schedule(soon, false)
	r := h.runner()
	ended, err := r.RunDue(t.Context())
	devicestest.Must(t, err)
	if len(ended) != 0 || h.job(j.ID).State != store.JobWaiting {
		t.Error("the job ran before its time")
	}
	h.Clock.Move(time.Hour)
	added := h.Device("SEP000000000001").Schedule
	ended, err = r.RunDue(t.Context())
	devicestest.Must(t, err)
	if len(ended) != 1 || ended[0].State != store.JobDone || ended[0].Changed != 5 {
		t.Errorf("ended are %+v", ended)
	}
	if d := h.Device("SEP000000000001"); d.Schedule != added+1 || !d.CompletesBy.Equal(h.Clock.Now().AddDate(0, 0, 10)) {
		t.Errorf("the device is %+v", d)
	}
}

// TestManyRunners lets several processes' worth of runners at the same jobs.
func TestManyRunners(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	folder := h.script(`echo x >> "$1"`)
	scheduled := map[string]int64{"SEP000000000001": 0, "CSFolga": 0}
	for d := range scheduled {
		scheduled[d] = h.Device(d).Schedule
	}
	var jobs []store.Job
	for range 4 {
		jobs = append(jobs, h.schedule(h.Clock.Now().Add(time.Second), true))
	}
	h.Clock.Move(time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		other := &house{devicestest.Open(t, h.Rules.Store.Path(), h.Clock)}
		all.Go(func() {
			if err := other.runner().Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "all jobs have ended", func() bool {
		for _, j := range jobs {
			if h.job(j.ID).EndedAt.IsZero() {
				return false
			}
		}
		return true
	})
	stop()
	all.Wait()
	for _, j := range jobs {
		if got := h.job(j.ID); got.State != store.JobDone || got.Changed != 5 {
			t.Errorf("the job is %+v: %q", got, h.applied(j.ID))
		}
	}
	for d, before := range scheduled {
		if n := h.Device(d).Schedule - before; n != 4 {
			t.Errorf("%s was scheduled %d times by 4 jobs", d, n)
		}
		lines, err := os.ReadFile(filepath.Join(folder, d))
		devicestest.Must(t, err)
		if got := strings.Count(string(lines), "x"); got != 4 {
			t.Errorf("the command ran %d times for %s", got, d)
		}
	}
}

// TestOneCommandForADevice: two jobs never run the command for one device at
// the same time.
func TestOneCommandForADevice(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	folder := h.script(`mkdir "$1" || { touch overlap; exit 1; }; sleep 0.05; rmdir "$1"`)
	a, b := h.schedule(h.Clock.Now().Add(time.Second), true), h.schedule(h.Clock.Now().Add(time.Second), true)
	h.Clock.Move(time.Minute)
	var all sync.WaitGroup
	for range 2 {
		other := &house{devicestest.Open(t, h.Rules.Store.Path(), h.Clock)}
		all.Go(func() {
			if _, err := other.runner().RunDue(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := os.Stat(filepath.Join(folder, "overlap")); err == nil {
		t.Error("two commands ran for one device at the same time")
	}
	for _, id := range []int64{a.ID, b.ID} {
		if h.job(id).State != store.JobDone {
			t.Errorf("the job is %+v: %q", h.job(id), h.applied(id))
		}
	}
}

// TestResume: a job whose process dies is carried on by the next one; what has
// run does not run again.
func TestResume(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	folder := h.script(`echo x >> "$1"; [ "$1" != CSFolga ] || touch begun; while [ "$1" = CSFolga ] && [ ! -e go ]; do sleep 0.01; done`)
	j := h.schedule(h.Clock.Now().Add(time.Second), true)
	h.Clock.Move(time.Minute)

	// A process that claims the job, changes the devices, runs one command, begins
	// another, and dies.
	const dead = "a process that has died"
	s, before := h.Rules.Store, h.Device("SEP000000000001").Schedule
	_, err := s.ClaimJob(t.Context(), dead)
	devicestest.Must(t, err)
	f := store.Selection{}
	_, err = s.UpdateByJob(t.Context(), devicestest.Operator, j.ID, dead, f, store.BulkEdit{
		Event: store.EventText{Action: "bulk-update"}, Change: func(v *store.Selected) error { v.Schedule++; return nil },
		Ready: func(store.BulkTally) error { return nil },
	})
	devicestest.Must(t, err)
	for _, want := range []string{"CSFlate", "CSFolga"} {
		device, _, err := s.NextCommand(t.Context(), j.ID, dead)
		devicestest.Must(t, err)
		if device != want {
			t.Fatalf("the next device is %q", device)
		}
		if want == "CSFlate" {
			devicestest.Must(t, s.EndCommand(t.Context(), j.ID, store.JobDevice{Device: device, Command: store.CommandDone}))
		}
	}

	r := h.runner()
	ended, err := r.RunDue(t.Context())
	devicestest.Must(t, err)
	if len(ended) != 0 {
		t.Fatal("a job was taken whose process was seen a moment ago")
	}
	h.Clock.Move(2 * time.Minute)
	ended, err = r.RunDue(t.Context())
	devicestest.Must(t, err)
	if len(ended) != 1 || ended[0].State != store.JobPartly || !strings.Contains(ended[0].Detail, "1 interrupted") {
		t.Errorf("ended are %+v", ended)
	}
	want := "CSFlate done 0 |CSFolga interrupted -1 the process that ran it has ended|SEP000000000001 done 0 |SEP000000000002 done 0 |SEP000000000003 done 0 "
	if got := strings.Join(h.applied(j.ID), "|"); got != want {
		t.Errorf("the results are %s", got)
	}
	if n := h.Device("SEP000000000001").Schedule - before; n != 1 {
		t.Errorf("the devices were changed %d times", n)
	}
	for _, name := range []string{"CSFlate", "CSFolga"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			t.Errorf("the command for %s ran again", name)
		}
	}
	// The dead process may come back, and finds that the job is not its own.
	if _, err := s.TouchJob(t.Context(), j.ID, dead); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the dead process still has the job: %v", err)
	}
}

// TestStop: a runner that is told to stop lets commands that run end, begins no
// others, and another one carries on at once.
func TestStop(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	folder := h.script(`touch "begun-$1"; sleep 0.2; echo x >> "$1"`)
	j := h.schedule(h.Clock.Now().Add(time.Second), true)
	h.Clock.Move(time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	first := h.runner(func(r *jobs.Runner) { r.Commands, r.Grace = 1, time.Minute })
	go func() { done <- first.Run(ctx) }()
	eventually(t, "a command has begun", func() bool { _, err := os.Stat(filepath.Join(folder, "begun-CSFlate")); return err == nil })
	stop()
	devicestest.Must(t, <-done)
	if got := h.applied(j.ID); got[0] != "CSFlate done 0 " || !strings.Contains(got[1], " due ") {
		t.Errorf("after the stop: %q", got)
	}
	ended, err := h.runner().RunDue(t.Context())
	devicestest.Must(t, err)
	if len(ended) != 1 || ended[0].State != store.JobDone {
		t.Errorf("ended are %+v: %q", ended, h.applied(j.ID))
	}
	lines, err := os.ReadFile(filepath.Join(folder, "CSFlate"))
	devicestest.Must(t, err)
	if string(lines) != "x\n" {
		t.Error("the command ran twice for one device")
	}
}

// TestBrokenOff: an operator breaks off an update that runs at once. What was
// changed stays, with the strings that were made, and another runner carries
// on; what was not changed never will be.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	update := bulk.Update{Edit: devices.Edit{UniqueString: true}, ApplyConfig: true}
	t.Run("after the change", func(t *testing.T) {
		t.Parallel()
		h := fleet(t)
		folder := h.script(`touch "begun-$1"; sleep 0.2; echo x >> "$1"`)
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			eventually(t, "a command has begun", func() bool { _, err := os.Stat(filepath.Join(folder, "begun-CSFlate")); return err == nil })
			stop()
		}()
		out := &devicestest.Strings{Kept: map[string]string{}}
		first := h.runner(func(r *jobs.Runner) { r.Commands, r.Grace = 1, time.Minute })
		j, err := first.RunNow(ctx, devicestest.Operator, update, out)
		if err == nil || j.UpdatedAt.IsZero() || j.Changed != 5 || j.State != store.JobRunning || len(out.Kept) != 5 || out.Keeps != 1 {
			t.Errorf("the job is %+v, its strings were kept %d times: %v", j, out.Keeps, err)
		}
		ended, err := h.runner().RunDue(t.Context())
		devicestest.Must(t, err)
		if len(ended) != 1 || ended[0].State != store.JobDone {
			t.Errorf("ended are %+v: %q", ended, h.applied(j.ID))
		}
	})
	t.Run("when nothing else is left", func(t *testing.T) {
		t.Parallel()
		h := fleet(t)
		ctx, stop := context.WithCancel(t.Context())
		j, err := h.runner().RunNow(ctx, devicestest.Operator, bulk.Update{Edit: devices.Edit{UniqueString: true}}, stopping(stop))
		devicestest.Must(t, err)
		if j.State != store.JobDone || j.Changed != 5 {
			t.Errorf("the job is %+v", j)
		}
	})
	t.Run("before it", func(t *testing.T) {
		t.Parallel()
		h := fleet(t)
		h.script("true")
		before := h.Snapshot()
		ctx, stop := context.WithCancel(t.Context())
		h.Clock.AtLook(2, stop) // the first is for checking the edit, the second for adding the job
		j, err := h.runner().RunNow(ctx, devicestest.Operator, update, nil)
		if err == nil || h.job(j.ID).State != store.JobCancelled {
			t.Errorf("the job is %+v: %v", h.job(j.ID), err)
		}
		ended, err := h.runner().RunDue(t.Context())
		devicestest.Must(t, err)
		if len(ended) != 0 || fmt.Sprint(before) != fmt.Sprint(h.Snapshot()) {
			t.Errorf("ended are %+v", ended)
		}
	})
}

// stopping breaks off an update when it is about to be committed.
type stopping func()

func (stopping) Add(store.Device, string) error { return nil }
func (s stopping) Keep() error                  { s(); return nil }

func TestCancel(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	folder := h.script(`touch "begun-$1"; while [ ! -e go ]; do sleep 0.01; done`)
	waiting := h.schedule(h.Clock.Now().Add(time.Hour), true)
	_, err := h.Rules.Store.CancelJob(t.Context(), devicestest.Operator, waiting.ID)
	devicestest.Must(t, err)
	running := h.schedule(h.Clock.Now().Add(2*time.Hour), true)
	h.Clock.Move(3 * time.Hour)
	done := make(chan []store.Job, 1)
	go func() {
		ended, err := h.runner(func(r *jobs.Runner) { r.Commands = 1 }).RunDue(context.Background())
		if err != nil {
			t.Error(err)
		}
		done <- ended
	}()
	eventually(t, "a command has begun", func() bool { _, err := os.Stat(filepath.Join(folder, "begun-CSFlate")); return err == nil })
	once := h.Device("SEP000000000001").Schedule
	_, err = h.Rules.Store.CancelJob(t.Context(), devicestest.Operator, running.ID)
	devicestest.Must(t, err)
	devicestest.Must(t, os.WriteFile(filepath.Join(folder, "go"), nil, 0o600))
	ended := <-done
	if len(ended) != 1 || ended[0].ID != running.ID || ended[0].State != store.JobCancelled {
		t.Errorf("ended are %+v", ended)
	}
	if got := h.applied(running.ID); got[0] != "CSFlate done 0 " || !strings.Contains(got[1], "cancelled") {
		t.Errorf("the results are %q", got)
	}
	if len(h.applied(waiting.ID)) != 0 || h.Device("SEP000000000001").Schedule != once {
		t.Error("a job that was cancelled before its time has run")
	}
	for _, id := range []int64{waiting.ID, running.ID} {
		if _, err := h.Rules.Store.CancelJob(t.Context(), devicestest.Operator, id); !errors.Is(err, store.ErrConflict) {
			t.Errorf("cancelling a job that has ended: %v", err)
		}
	}
}

// TestFailedJob: a job that a rule forbids says why, device by device.
func TestFailedJob(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	j, err := jobs.Schedule(t.Context(), h.Rules, devicestest.Operator, bulk.Update{
		Selection: bulk.Selection{DeviceFilter: store.DeviceFilter{Name: "SEP*"}},
		Edit:      devices.Edit{SecurityMode: devicestest.Ptr(store.Authenticated), AuthMode: devicestest.Ptr(store.ByString), Operation: devicestest.Ptr(store.Install), UniqueString: true},
	}, h.Clock.Now().Add(time.Second))
	devicestest.Must(t, err)
	h.Clock.Move(time.Minute)
	before := h.Snapshot()
	ended, err := h.runner().RunDue(t.Context())
	devicestest.Must(t, err)
	if len(ended) != 1 || ended[0].State != store.JobFailed || !strings.Contains(ended[0].Detail, "1 device of 3 refused") {
		t.Errorf("ended are %+v", ended)
	}
	if got := h.applied(j.ID); len(got) != 1 || !strings.HasPrefix(got[0], "SEP000000000002 none") {
		t.Errorf("the results are %q", got)
	}
	if fmt.Sprint(before) != fmt.Sprint(h.Snapshot()) {
		t.Error("something was changed")
	}
}
