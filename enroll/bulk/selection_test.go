package bulk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/internal/apperr"
	"capf/store"
)

func (h *house) selects(s bulk.Selection) string {
	h.Helper()
	var names []string
	rows, err := bulk.Select(h.Context(), h.Rules, s)
	devicestest.Must(h.TB, err)
	for v, err := range rows {
		devicestest.Must(h.TB, err)
		names = append(names, v.Name)
	}
	n, err := bulk.Count(h.Context(), h.Rules, s)
	devicestest.Must(h.TB, err)
	if s.Limit == 0 && int(n) != len(names) {
		h.Errorf("%+v: %d counted, %d selected", s, n, len(names))
	}
	return strings.NewReplacer("SEP00000000000", "", "CSF", "").Replace(strings.Join(names, " "))
}

func TestSelect(t *testing.T) {
	t.Parallel()
	h := &house{devicestest.Fleet(t)}
	h.Init()
	h.Set("renew_before", "2/3")
	own, err := h.CAPF().Load(t.Context())
	devicestest.Must(t, err)
	h.Add("SEP000000000004", devices.Edit{})
	h.InstallLSC("SEP000000000004", own.Leaf().Subject.String(), devicestest.Start, 100)
	h.Add("SEP000000000005", devices.Edit{AuthMode: devicestest.Ptr(store.ByMICPrecedence), Pool: devicestest.Ptr("Bonn")})
	h.InstallLSC("SEP000000000005", "CN=Old CA", devicestest.Start.AddDate(-3, 0, 0), 365*3+200)
	for _, test := range []struct {
		s    bulk.Selection
		want string
	}{
		{bulk.Selection{}, "late olga 1 2 3 4 5"},
		{bulk.Selection{Name: "SEP*"}, "1 2 3 4 5"},
		{bulk.Selection{Name: "csfolga"}, "olga"},
		{bulk.Selection{Name: "*nobody*"}, ""},
		{bulk.Selection{Pool: "Hamburg"}, "olga 3"},
		{bulk.Selection{Pool: "Berlin*"}, "1 2"},
		{bulk.Selection{Pool: "Berlin-?", Model: "88*"}, "2"},
		{bulk.Selection{Model: "8861"}, "2 3"},
		{bulk.Selection{Operation: store.Install}, "late 2"},
		{bulk.Selection{Status: store.StatusPending}, "late 2"},
		{bulk.Selection{AuthMode: store.ByString}, "olga"},
		{bulk.Selection{Late: true}, "late"},
		{bulk.Selection{Failed: true}, ""},
		{bulk.Selection{LSC: store.HoldsInstalled}, "olga 1 3 4 5"},
		{bulk.Selection{LSC: store.HoldsExpired}, "olga"},
		{bulk.Selection{LSC: store.HoldsNone}, "late 2"},
		{bulk.Selection{LSC: store.HoldsIssued}, ""},
		{bulk.Selection{LSCExpiresBefore: new(devicestest.Start.AddDate(0, 0, 90))}, "olga 1"},
		{bulk.Selection{LSCExpiresBefore: new(devicestest.Start.AddDate(0, 0, 90)), Pool: "Berlin*"}, "1"},
		{bulk.Selection{LSCIssuedBy: "capf-11111111"}, "olga 1"},
		{bulk.Selection{LSCIssuedBy: "CN=Issuing*"}, "3"},
		{bulk.Selection{LSCIssuedBy: "100%"}, ""},
		{bulk.Selection{IssuerExpiresBefore: new(devicestest.Start.AddDate(6, 0, 0))}, "4"},
		{bulk.Selection{IssuerExpiresBefore: new(devicestest.Start.AddDate(4, 0, 0))}, ""},
		{bulk.Selection{DueForRenewal: true}, "olga 1 5"},
		{bulk.Selection{DueForRenewal: true, ByItself: true}, "5"}, // olga has to type a string, and whoever knows 1 would do
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
	for _, s := range []bulk.Selection{
		{LSC: store.HoldsNone, LSCIssuedBy: "x"},
		{LSC: store.HoldsNone, LSCExpiresBefore: new(devicestest.Start)},
		{LSC: store.HoldsNone, DueForRenewal: true},
		{Operation: store.NoOperation, Late: true},
		{Operation: store.NoOperation, Status: store.StatusPending},
		{Operation: store.Install, Status: store.StatusNone},
		{Failed: true, Status: store.Succeeded(store.Install)},
		{DueForRenewal: true, ByItself: true, AuthMode: store.ByString},
	} {
		_, err := bulk.Select(t.Context(), h.Rules, s)
		if !errors.Is(err, apperr.ErrValue) || !strings.Contains(err.Error(), "contradict") {
			t.Errorf("%s: %v", s.Describe(), err)
		}
	}
	_, err := bulk.Select(t.Context(), h.Rules, bulk.Selection{DueForRenewal: true})
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("renewal is off: %v", err)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	h := &house{devicestest.Fleet(t)}
	before := h.Snapshot()
	rows, err := bulk.PreviewUpdate(t.Context(), h.Rules, bulk.Selection{Name: "SEP*"},
		devices.Edit{SecurityMode: devicestest.Ptr(store.Encrypted), AuthMode: devicestest.Ptr(store.ByString), Operation: devicestest.Ptr(store.Install), UniqueString: true})
	devicestest.Must(t, err)
	var got []string
	for p, err := range rows {
		devicestest.Must(t, err)
		got = append(got, fmt.Sprint(p.Before.AuthMode, ">", p.After.AuthMode, p.Refused != ""))
	}
	if want := []string{"null-string>auth-stringfalse", "null-string>null-stringtrue", "lsc>auth-stringfalse"}; !slices.Equal(got, want) {
		t.Errorf("the preview is %q", got)
	}
	if !slices.Equal(before, h.Snapshot()) {
		t.Error("a preview has changed something")
	}
}
