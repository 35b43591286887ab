package jobs_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/enroll/authority"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/health"
	"capf/enroll/jobs"
	"capf/store"
)

const day = 24 * time.Hour

// phones adds devices that authenticate by an existing certificate, each with an
// LSC of 1000 days from the devicestest.Start.
func (h *house) phones(n int) {
	h.Helper()
	for i := range n {
		name := fmt.Sprintf("SEP%012d", i)
		h.Add(name, devices.Edit{AuthMode: devicestest.Ptr(store.ByLSCPrecedence)})
		h.InstallLSC(name, "CN=x", devicestest.Start, 1000)
	}
}

// scheduled is how many devices are to install.
func (h *house) scheduled() (n int) {
	h.Helper()
	for _, err := range h.Rules.Store.Devices(h.Context(), store.DeviceFilter{Operation: store.Install}) {
		devicestest.Must(h.TB, err)
		n++
	}
	return n
}

func (h *house) runDue(r jobs.Runner) []store.Job {
	h.Helper()
	jobs, err := r.RunDue(h.Context())
	devicestest.Must(h.TB, err)
	return jobs
}

// TestRenewal schedules what is past its share, no more than so many at once,
// and leaves out devices that do not authenticate by an existing certificate.
func TestRenewal(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.phones(60)
	h.Add("CSFolga", devices.Edit{AuthMode: devicestest.Ptr(store.ByString), String: devicestest.Ptr("4711")})
	h.InstallLSC("CSFolga", "CN=x", devicestest.Start, 1000)
	h.Add("CSFotto", devices.Edit{}) // by null string: whoever knows the name
	h.InstallLSC("CSFotto", "CN=x", devicestest.Start, 1000)
	r := h.runner(func(r *jobs.Runner) { r.RenewAtOnce = 20 })
	h.Clock.Move(700 * day)
	h.runDue(r)
	if h.scheduled() != 0 {
		t.Fatal("renewal is not off by default")
	}
	h.Set("renew_before", "66%")
	h.Clock.Move(-41 * day) // one day before the first may be due
	h.runDue(r)
	if n := h.scheduled(); n != 0 {
		t.Errorf("%d devices are renewed before their time", n)
	}
	h.Clock.Move(11 * day)
	if jobs := h.runDue(r); len(jobs) != 1 || jobs[0].Kind != store.Renewal {
		t.Errorf("run are %+v", jobs)
	}
	if n := h.scheduled(); n == 0 || n > 20 {
		t.Errorf("%d devices are renewed on the first third of their days", n)
	}
	h.Clock.Move(30 * day)
	for range 4 {
		h.runDue(r)
		h.Clock.Move(5 * time.Minute)
	}
	if n := h.scheduled(); n != 60 {
		t.Errorf("in the end %d devices are renewed", n)
	}
	for _, name := range []string{"CSFolga", "CSFotto"} {
		if h.Device(name).Operation != store.NoOperation {
			t.Errorf("%s is renewed without an operator", name)
		}
	}
	if got := h.selects(bulk.Selection{DueForRenewal: true}); got != "olga otto" {
		t.Errorf("due are %s", got)
	}
	for j, err := range h.Rules.Store.Jobs(t.Context(), store.JobFilter{}) {
		devicestest.Must(t, err)
		if j.Kind != store.Renewal || j.State != store.JobDone || j.Changed > 20 || j.Actor.Kind != store.System {
			t.Errorf("the job is %+v", j)
		}
	}
	found, err := health.Findings(t.Context(), h.Rules.Store.Reader, h.Rules.Now(), store.DeviceCounts{})
	devicestest.Must(t, err)
	if text := fmt.Sprint(found); !strings.Contains(text, "an operator has to renew 2 LSCs") || !strings.Contains(text, "capf bulk select --due-for-renewal") {
		t.Errorf("the findings are %s", text)
	}
}

// TestRenewalLimit: no more than so many within five minutes, however many
// processes look, and however often they are started.
func TestRenewalLimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.phones(50)
	h.Set("renew_before", "50%")
	h.Clock.Move(800 * day)
	atOnce := func(r *jobs.Runner) { r.RenewAtOnce = 10 }
	round := func() {
		var all sync.WaitGroup
		for range 4 {
			other := &house{devicestest.Open(t, h.Rules.Store.Path(), h.Clock)}
			all.Go(func() {
				for range 3 {
					if _, err := other.runner(atOnce).RunDue(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
	round()
	if n := h.scheduled(); n != 10 {
		t.Errorf("four processes have scheduled %d at once", n)
	}
	h.Clock.Move(5*time.Minute - time.Millisecond)
	round()
	if n := h.scheduled(); n != 10 {
		t.Errorf("within five minutes %d", n)
	}
	h.Clock.Move(time.Millisecond)
	round()
	if n := h.scheduled(); n != 20 {
		t.Errorf("after five minutes %d", n)
	}
	h.Clock.Move(-day) // the clock goes back, and what was scheduled lies ahead
	round()
	if n := h.scheduled(); n != 30 {
		t.Errorf("after the clock has gone back %d", n)
	}
	if jobs := h.runDue(h.runner(atOnce)); len(jobs) != 0 {
		t.Errorf("though the limit is used up there is %+v", jobs)
	}
}

// TestRenewalGains: near the end of its issuer an LSC is not due again and
// again, since a new one would end with the old one; under a new issuer it is.
func TestRenewalGains(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Init()
	own, err := h.CAPF().Load(t.Context())
	devicestest.Must(t, err)
	left := own.Leaf().NotAfter.Sub(devicestest.Start)
	h.phones(1)
	h.InstallLSC("SEP000000000000", own.Leaf().Subject.String(), devicestest.Start, int(left/day)) // cut to the end of its issuer
	h.Set("renew_before", "2/3")
	due := bulk.Selection{DueForRenewal: true}
	for _, hours := range []time.Duration{512, 91, 17, 3, 1} {
		h.Clock.Move(devicestest.Start.Add(left).Add(-hours * time.Hour).Sub(h.Clock.Now()))
		if got := h.selects(due); got != "" {
			t.Errorf("%d hours before the end of its issuer %s is due", hours, got)
		}
	}
	h.Clock.Move(-512 * time.Hour)
	if _, _, err := h.CAPF().Regenerate(t.Context(), devicestest.Operator, nil, 2048, authority.Delay{}); err != nil {
		t.Fatal(err)
	}
	if got := h.selects(due); got != "SEP000000000000" && got != "0" {
		t.Errorf("under a new issuer due is %q", got)
	}

	// A shorter validity than that of the old LSC gains nothing until it is the longer one.
	short := newHouse(t)
	short.phones(1)
	short.Set("renew_before", "2/3")
	short.Set("certificate_validity_days", "100")
	for days, want := range map[time.Duration]string{850: "", 899: "", 906: "0", 990: "0"} {
		short.Clock.Move(devicestest.Start.Add(days * day).Sub(short.Clock.Now()))
		if got := short.selects(due); got != want {
			t.Errorf("after %d of 1000 days, with a validity of 100, due is %q, want %q", days, got, want)
		}
	}
}

// TestRenewalRefused: a device that a rule forbids to schedule keeps no other
// one waiting, and is not tried every five minutes.
func TestRenewalRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.phones(3)
	_, err := h.Rules.Store.ChangeDevice(t.Context(), devicestest.Operator, "SEP000000000001", store.EventText{Action: "test"},
		func(d *store.Device) error { d.RSABits = 1536; return nil }) // as another version may have allowed
	devicestest.Must(t, err)
	h.Set("renew_before", "50%")
	h.Clock.Move(800 * day)
	r := h.runner()
	jobs := h.runDue(r)
	if len(jobs) != 1 || jobs[0].Changed != 2 || jobs[0].Refused != 1 || jobs[0].State != store.JobPartly {
		t.Errorf("the renewal is %+v", jobs)
	}
	if n := h.scheduled(); n != 2 {
		t.Errorf("%d are scheduled", n)
	}
	h.Clock.Move(10 * time.Minute)
	if jobs := h.runDue(r); len(jobs) != 0 {
		t.Errorf("ten minutes later there is %+v", jobs)
	}
	h.Clock.Move(day)
	if jobs := h.runDue(r); len(jobs) != 1 || jobs[0].Refused != 1 {
		t.Errorf("the next day there is %+v", jobs)
	}
}
