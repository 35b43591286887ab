package jobs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/jobs"
	"capf/internal/apperr"
	"capf/store"
)

// fleet is a house with devices of every kind that filters tell apart.
func fleet(t testing.TB) *house {
	t.Helper()
	return &house{devicestest.Fleet(t)}
}

// unique gives each device a string of its own.
func unique(e devices.Edit) devices.Edit {
	e.UniqueString = true
	return e
}

func (h *house) runner(set ...func(*jobs.Runner)) jobs.Runner {
	h.Helper()
	owner, err := jobs.NewOwner(h.Rules)
	devicestest.Must(h.TB, err)
	r := jobs.Runner{Rules: h.Rules, Owner: owner, Poll: 5 * time.Millisecond, Grace: 50 * time.Millisecond}
	for _, f := range set {
		f(&r)
	}
	return r
}

// TestChaptersExample is the bulk update of the vendor's chapter: phones whose
// LSC expires before a date get Install/Upgrade with a unique string each.
func TestChaptersExample(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	out := &devicestest.Strings{Kept: map[string]string{}}
	before := h.Events()
	j, err := h.runner().RunNow(t.Context(), devicestest.Operator, bulk.Update{
		Selection: bulk.Selection{HoldingFilter: store.HoldingFilter{LSCExpiresBefore: new(devicestest.Start.AddDate(0, 0, 90))}},
		Edit:      devices.Edit{Operation: devicestest.Ptr(store.Install), AuthMode: devicestest.Ptr(store.ByString), UniqueString: true},
	}, out)
	devicestest.Must(t, err)
	if j.State != store.JobDone || j.Selected != 2 || j.Changed != 2 || out.Keeps != 1 {
		t.Errorf("the job is %+v; strings were kept %d times", j, out.Keeps)
	}
	seen := map[string]bool{}
	for _, name := range []string{"SEP000000000001", "CSFolga"} {
		d := h.Device(name)
		s, err := h.Rules.AuthenticationString(d)
		devicestest.Must(t, err)
		if d.Operation != store.Install || d.AuthMode != store.ByString || d.Status != store.StatusPending ||
			len(s) != 10 || s != out.Kept[name] || seen[s] {
			t.Errorf("%s is %+v with the string %q", name, d, s)
		}
		seen[s] = true
	}
	if d := h.Device("SEP000000000003"); d.Operation != store.NoOperation {
		t.Errorf("%s was changed too", d.Name)
	}
	// One for the job, each device, the whole change, and the end.
	if got := h.Events() - before; got != 5 {
		t.Errorf("%d events were written", got)
	}
	for e, err := range h.Rules.Store.Events(t.Context(), store.EventFilter{}) {
		devicestest.Must(t, err)
		for s := range seen {
			if strings.Contains(fmt.Sprint(e), s) {
				t.Errorf("a string is in the event %+v", e)
			}
		}
	}
}

// TestUpdateRefusals: what is refused leaves nothing half-written.
func TestUpdateRefusals(t *testing.T) {
	t.Parallel()
	byString := devices.Edit{Operation: devicestest.Ptr(store.Install), AuthMode: devicestest.Ptr(store.ByString)}
	secure := byString
	secure.SecurityMode = devicestest.Ptr(store.Encrypted)
	for name, test := range map[string]struct {
		update bulk.Update
		out    *devicestest.Strings
		kind   error
		text   string
	}{
		"a mode by string without a string": {
			bulk.Update{Edit: byString}, nil, apperr.ErrRefused, "has none"},
		"a string with a secure mode and no LSC": {
			bulk.Update{Edit: unique(secure)}, nil, apperr.ErrRefused, "cannot register"},
		"both kinds of string": {
			bulk.Update{Edit: devices.Edit{String: devicestest.Ptr("1234"), UniqueString: true}}, nil, apperr.ErrValue, "exclude"},
		"a string of letters": {
			bulk.Update{Edit: devices.Edit{String: devicestest.Ptr("secret")}}, nil, apperr.ErrValue, "4 to 10 digits"},
		"a key that there is not": {
			bulk.Update{Edit: devices.Edit{RSABits: devicestest.Ptr(1000)}}, nil, apperr.ErrValue, "1000"},
		"a time that has passed": {
			bulk.Update{Edit: devices.Edit{CompletesBy: devicestest.Ptr(devices.At(devicestest.Start))}}, nil, apperr.ErrValue, "has passed"},
		"a time alone for devices without an operation": {
			bulk.Update{Edit: devices.Edit{CompletesBy: devicestest.Ptr(devices.At(devicestest.Start.AddDate(0, 1, 0)))}}, nil, apperr.ErrRefused, "no operation"},
		"a command that is not set": {
			bulk.Update{Edit: devices.Edit{Pool: devicestest.Ptr("x")}, ApplyConfig: true}, nil, apperr.ErrRefused, "apply_config_command"},
		"strings that cannot be kept": {
			bulk.Update{Edit: devices.Edit{UniqueString: true}}, &devicestest.Strings{Kept: map[string]string{}, Err: store.ErrFull}, store.ErrFull, "full"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fleet(t)
			before := h.Snapshot()
			var out devices.Strings
			if test.out != nil {
				out = test.out
			}
			_, err := h.runner().RunNow(t.Context(), devicestest.Operator, test.update, out)
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error is %v", err)
			}
			if after := h.Snapshot(); !slices.Equal(before, after) {
				t.Errorf("devices have changed:\n%v\n%v", before, after)
			}
		})
	}
}

func TestPartialUpdate(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	j, err := h.runner().RunNow(t.Context(), devicestest.Operator, bulk.Update{
		Edit: devices.Edit{SecurityMode: devicestest.Ptr(store.Encrypted), AuthMode: devicestest.Ptr(store.ByString), Operation: devicestest.Ptr(store.Install), UniqueString: true}, Partial: true,
	}, nil)
	devicestest.Must(t, err)
	if j.State != store.JobPartly || j.Selected != 5 || j.Changed != 3 || j.Refused != 2 {
		t.Errorf("the job is %+v", j)
	}
	var refused []string
	for d, err := range h.Rules.Store.JobDevices(t.Context(), j.ID) {
		devicestest.Must(t, err)
		if d.Change == "refused" && strings.Contains(d.Reason, "no installed LSC") {
			refused = append(refused, d.Device)
		}
	}
	if fmt.Sprint(refused) != "[CSFlate SEP000000000002]" {
		t.Errorf("refused were %v", refused)
	}
}
