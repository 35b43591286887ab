package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/enroll"
	"capf/enroll/provision"
	"capf/internal/apperr"
	"capf/store"
)

// fleet is a house with devices of every kind that filters tell apart.
func fleet(t testing.TB) *house {
	t.Helper()
	h := newHouse(t)
	install := ptr(store.Install)
	h.add("SEP000000000001", enroll.DeviceEdit{Pool: ptr("Berlin-1"), Model: ptr("7962")})
	h.add("SEP000000000002", enroll.DeviceEdit{Pool: ptr("Berlin-2"), Model: ptr("8861"), Operation: install})
	h.add("SEP000000000003", enroll.DeviceEdit{Pool: ptr("Hamburg"), Model: ptr("8861"), AuthMode: ptr(store.ByLSCPrecedence)})
	h.add("CSFolga", enroll.DeviceEdit{Pool: ptr("Hamburg"), AuthMode: ptr(store.ByString), String: ptr("47110815")})
	h.add("CSFlate", enroll.DeviceEdit{Operation: install, CompletesBy: ptr(enroll.At(start.Add(time.Hour)))})
	h.lsc("SEP000000000001", "CN=CAPF-11111111,O=Acme", start.AddDate(-4, 0, 0), 365*4+30)
	h.lsc("SEP000000000003", "CN=Issuing CA,O=Acme", start.AddDate(-1, 0, 0), 1825)
	h.lsc("CSFolga", "CN=CAPF-11111111,O=Acme", start.AddDate(-5, 0, 0), 1000)
	h.clock.move(2 * time.Hour)
	return h
}

func (h *house) selects(s provision.Selection) string {
	h.Helper()
	var names []string
	rows, err := provision.Select(h.Context(), h.rules, s)
	must(h.TB, err)
	for v, err := range rows {
		must(h.TB, err)
		names = append(names, v.Name)
	}
	n, err := provision.Count(h.Context(), h.rules, s)
	must(h.TB, err)
	if s.Limit == 0 && int(n) != len(names) {
		h.Errorf("%+v: %d counted, %d selected", s, n, len(names))
	}
	return strings.NewReplacer("SEP00000000000", "", "CSF", "").Replace(strings.Join(names, " "))
}

func TestSelect(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	h.init()
	h.set("renew_before", "2/3")
	own, err := h.rules.Authority(t.Context())
	must(t, err)
	h.add("SEP000000000004", enroll.DeviceEdit{})
	h.lsc("SEP000000000004", own.Leaf().Subject.String(), start, 100)
	h.add("SEP000000000005", enroll.DeviceEdit{AuthMode: ptr(store.ByMICPrecedence), Pool: ptr("Bonn")})
	h.lsc("SEP000000000005", "CN=Old CA", start.AddDate(-3, 0, 0), 365*3+200)
	for _, test := range []struct {
		s    provision.Selection
		want string
	}{
		{provision.Selection{}, "late olga 1 2 3 4 5"},
		{provision.Selection{Name: "SEP*"}, "1 2 3 4 5"},
		{provision.Selection{Name: "csfolga"}, "olga"},
		{provision.Selection{Name: "*nobody*"}, ""},
		{provision.Selection{Pool: "Hamburg"}, "olga 3"},
		{provision.Selection{Pool: "Berlin*"}, "1 2"},
		{provision.Selection{Pool: "Berlin-?", Model: "88*"}, "2"},
		{provision.Selection{Model: "8861"}, "2 3"},
		{provision.Selection{Operation: store.Install}, "late 2"},
		{provision.Selection{Status: store.StatusPending}, "late 2"},
		{provision.Selection{AuthMode: store.ByString}, "olga"},
		{provision.Selection{Late: true}, "late"},
		{provision.Selection{Failed: true}, ""},
		{provision.Selection{LSC: store.HoldsInstalled}, "olga 1 3 4 5"},
		{provision.Selection{LSC: store.HoldsExpired}, "olga"},
		{provision.Selection{LSC: store.HoldsNone}, "late 2"},
		{provision.Selection{LSC: store.HoldsIssued}, ""},
		{provision.Selection{LSCExpiresBefore: new(start.AddDate(0, 0, 90))}, "olga 1"},
		{provision.Selection{LSCExpiresBefore: new(start.AddDate(0, 0, 90)), Pool: "Berlin*"}, "1"},
		{provision.Selection{LSCIssuedBy: "capf-11111111"}, "olga 1"},
		{provision.Selection{LSCIssuedBy: "CN=Issuing*"}, "3"},
		{provision.Selection{LSCIssuedBy: "100%"}, ""},
		{provision.Selection{IssuerExpiresBefore: new(start.AddDate(6, 0, 0))}, "4"},
		{provision.Selection{IssuerExpiresBefore: new(start.AddDate(4, 0, 0))}, ""},
		{provision.Selection{DueForRenewal: true}, "olga 1 5"},
		{provision.Selection{DueForRenewal: true, ByItself: true}, "5"}, // olga has to type a string, and whoever knows 1 would do
	} {
		if got := h.selects(test.s); got != test.want {
			t.Errorf("%s: %q, want %q", test.s.Describe(), got, test.want)
		}
	}
}

// TestContradictions are filters that no device can match.
func TestContradictions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range []provision.Selection{
		{LSC: store.HoldsNone, LSCIssuedBy: "x"},
		{LSC: store.HoldsNone, LSCExpiresBefore: new(start)},
		{LSC: store.HoldsNone, DueForRenewal: true},
		{Operation: store.NoOperation, Late: true},
		{Operation: store.NoOperation, Status: store.StatusPending},
		{Operation: store.Install, Status: store.StatusNone},
		{Failed: true, Status: store.Succeeded(store.Install)},
		{DueForRenewal: true, ByItself: true, AuthMode: store.ByString},
	} {
		_, err := provision.Select(t.Context(), h.rules, s)
		if !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), "contradict") {
			t.Errorf("%s: %v", s.Describe(), err)
		}
	}
	_, err := provision.Select(t.Context(), h.rules, provision.Selection{DueForRenewal: true})
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("renewal is off: %v", err)
	}
}

func (h *house) runner(set ...func(*provision.Runner)) provision.Runner {
	h.Helper()
	owner, err := provision.NewOwner(h.rules)
	must(h.TB, err)
	r := provision.Runner{Rules: h.rules, Owner: owner, Poll: 5 * time.Millisecond, Grace: 50 * time.Millisecond}
	for _, f := range set {
		f(&r)
	}
	return r
}

// kept takes strings and counts how often it was told to keep them.
type kept struct {
	strings map[string]string
	keeps   int
	err     error
}

func (k *kept) Add(device, secret string) error { k.strings[device] = secret; return nil }
func (k *kept) Keep() error                     { k.keeps++; return k.err }

// TestChaptersExample is the bulk update of the vendor's chapter: phones whose
// LSC expires before a date get Install/Upgrade with a unique string each.
func TestChaptersExample(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	out := &kept{strings: map[string]string{}}
	before := h.events()
	j, err := h.runner().RunNow(t.Context(), operator, provision.Update{
		Selection: provision.Selection{LSCExpiresBefore: new(start.AddDate(0, 0, 90))},
		Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{
			Operation: ptr(store.Install), AuthMode: ptr(store.ByString),
		}, Unique: true},
	}, out)
	must(t, err)
	if j.State != store.JobDone || j.Selected != 2 || j.Changed != 2 || out.keeps != 1 {
		t.Errorf("the job is %+v; strings were kept %d times", j, out.keeps)
	}
	seen := map[string]bool{}
	for _, name := range []string{"SEP000000000001", "CSFolga"} {
		d := h.device(name)
		s, err := h.rules.AuthenticationString(d)
		must(t, err)
		if d.Operation != store.Install || d.AuthMode != store.ByString || d.Status != store.StatusPending ||
			len(s) != 10 || s != out.strings[name] || seen[s] {
			t.Errorf("%s is %+v with the string %q", name, d, s)
		}
		seen[s] = true
	}
	if d := h.device("SEP000000000003"); d.Operation != store.NoOperation {
		t.Errorf("%s was changed too", d.Name)
	}
	// One for the job, each device, the whole change, and the end.
	if got := h.events() - before; got != 5 {
		t.Errorf("%d events were written", got)
	}
	for e, err := range h.rules.Store.Events(t.Context(), store.EventFilter{}) {
		must(t, err)
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
	byString := enroll.DeviceEdit{Operation: ptr(store.Install), AuthMode: ptr(store.ByString)}
	secure := byString
	secure.SecurityMode = ptr(store.Encrypted)
	for name, test := range map[string]struct {
		update provision.Update
		out    *kept
		kind   error
		text   string
	}{
		"a mode by string without a string": {
			provision.Update{Edit: provision.Edit{DeviceEdit: byString}}, nil, apperr.ErrRefused, "has none"},
		"a string with a secure mode and no LSC": {
			provision.Update{Edit: provision.Edit{DeviceEdit: secure, Unique: true}}, nil, apperr.ErrRefused, "cannot register"},
		"both kinds of string": {
			provision.Update{Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{String: ptr("1234")}, Unique: true}}, nil, apperr.ErrValue, "exclude"},
		"a string of letters": {
			provision.Update{Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{String: ptr("secret")}}}, nil, apperr.ErrValue, "4 to 10 digits"},
		"a key that there is not": {
			provision.Update{Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{RSABits: ptr(1000)}}}, nil, apperr.ErrValue, "1000"},
		"a time that has passed": {
			provision.Update{Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{CompletesBy: ptr(enroll.At(start))}}}, nil, apperr.ErrValue, "has passed"},
		"a time alone for devices without an operation": {
			provision.Update{Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{CompletesBy: ptr(enroll.At(start.AddDate(0, 1, 0)))}}}, nil, apperr.ErrRefused, "no operation"},
		"a command that is not set": {
			provision.Update{Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{Pool: ptr("x")}}, ApplyConfig: true}, nil, apperr.ErrRefused, "apply_config_command"},
		"strings that cannot be kept": {
			provision.Update{Edit: provision.Edit{Unique: true}}, &kept{strings: map[string]string{}, err: store.ErrFull}, store.ErrFull, "full"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fleet(t)
			before := h.snapshot()
			var out provision.Strings
			if test.out != nil {
				out = test.out
			}
			_, err := h.runner().RunNow(t.Context(), operator, test.update, out)
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("the error is %v", err)
			}
			if after := h.snapshot(); !slices.Equal(before, after) {
				t.Errorf("devices have changed:\n%v\n%v", before, after)
			}
		})
	}
}

// snapshot is all devices with their settings.
func (h *house) snapshot() (all []string) {
	h.Helper()
	for d, err := range h.rules.Store.Devices(h.Context(), store.DeviceFilter{}) {
		must(h.TB, err)
		all = append(all, fmt.Sprintf("%+v", d))
	}
	return all
}

func TestPartialUpdate(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	j, err := h.runner().RunNow(t.Context(), operator, provision.Update{
		Edit: provision.Edit{DeviceEdit: enroll.DeviceEdit{SecurityMode: ptr(store.Encrypted), AuthMode: ptr(store.ByString), Operation: ptr(store.Install)},
			Unique: true, Partial: true},
	}, nil)
	must(t, err)
	if j.State != store.JobPartly || j.Selected != 5 || j.Changed != 3 || j.Refused != 2 {
		t.Errorf("the job is %+v", j)
	}
	var refused []string
	for d, err := range h.rules.Store.JobDevices(t.Context(), j.ID) {
		must(t, err)
		if d.Change == "refused" && strings.Contains(d.Reason, "no installed LSC") {
			refused = append(refused, d.Device)
		}
	}
	if fmt.Sprint(refused) != "[CSFlate SEP000000000002]" {
		t.Errorf("refused were %v", refused)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	h := fleet(t)
	before := h.snapshot()
	rows, err := provision.PreviewUpdate(t.Context(), h.rules, provision.Selection{Name: "SEP*"},
		provision.Edit{DeviceEdit: enroll.DeviceEdit{SecurityMode: ptr(store.Encrypted), AuthMode: ptr(store.ByString), Operation: ptr(store.Install)}, Unique: true})
	must(t, err)
	var got []string
	for p, err := range rows {
		must(t, err)
		got = append(got, fmt.Sprint(p.Before.AuthMode, ">", p.After.AuthMode, p.Refused != ""))
	}
	if want := []string{"null-string>auth-stringfalse", "null-string>null-stringtrue", "lsc>auth-stringfalse"}; !slices.Equal(got, want) {
		t.Errorf("the preview is %q", got)
	}
	if !slices.Equal(before, h.snapshot()) {
		t.Error("a preview has changed something")
	}
}
