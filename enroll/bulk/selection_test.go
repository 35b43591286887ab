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
	device := func(f store.DeviceFilter) bulk.Selection { return bulk.Selection{DeviceFilter: f} }
	holding := func(f store.HoldingFilter) bulk.Selection { return bulk.Selection{HoldingFilter: f} }
	for _, test := range []struct {
		s    bulk.Selection
		want string
	}{
		{bulk.Selection{}, "late olga 1 2 3 4 5"},
		{device(store.DeviceFilter{Name: "SEP*"}), "1 2 3 4 5"},
		{device(store.DeviceFilter{Name: "csfolga"}), "olga"},
		{device(store.DeviceFilter{Name: "*nobody*"}), ""},
		{device(store.DeviceFilter{Pool: "Hamburg"}), "olga 3"},
		{device(store.DeviceFilter{Pool: "Berlin*"}), "1 2"},
		{device(store.DeviceFilter{Pool: "Berlin-?", Model: "88*"}), "2"},
		{device(store.DeviceFilter{Model: "8861"}), "2 3"},
		{device(store.DeviceFilter{Operation: store.Install}), "late 2"},
		{device(store.DeviceFilter{Status: store.StatusPending}), "late 2"},
		{device(store.DeviceFilter{AuthMode: store.ByString}), "olga"},
		{device(store.DeviceFilter{Late: true}), "late"},
		{device(store.DeviceFilter{Failed: true}), ""},
		{holding(store.HoldingFilter{LSC: store.HoldsInstalled}), "olga 1 3 4 5"},
		{holding(store.HoldingFilter{LSC: store.HoldsExpired}), "olga"},
		{holding(store.HoldingFilter{LSC: store.HoldsNone}), "late 2"},
		{holding(store.HoldingFilter{LSC: store.HoldsIssued}), ""},
		{holding(store.HoldingFilter{LSCExpiresBefore: new(devicestest.Start.AddDate(0, 0, 90))}), "olga 1"},
		{bulk.Selection{DeviceFilter: store.DeviceFilter{Pool: "Berlin*"}, HoldingFilter: store.HoldingFilter{LSCExpiresBefore: new(devicestest.Start.AddDate(0, 0, 90))}}, "1"},
		{holding(store.HoldingFilter{LSCIssuedBy: "capf-11111111"}), "olga 1"},
		{holding(store.HoldingFilter{LSCIssuedBy: "CN=Issuing*"}), "3"},
		{holding(store.HoldingFilter{LSCIssuedBy: "100%"}), ""},
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
		{HoldingFilter: store.HoldingFilter{LSC: store.HoldsNone, LSCIssuedBy: "x"}},
		{HoldingFilter: store.HoldingFilter{LSC: store.HoldsNone, LSCExpiresBefore: new(devicestest.Start)}},
		{HoldingFilter: store.HoldingFilter{LSC: store.HoldsNone}, DueForRenewal: true},
		{DeviceFilter: store.DeviceFilter{Operation: store.NoOperation, Late: true}},
		{DeviceFilter: store.DeviceFilter{Operation: store.NoOperation, Status: store.StatusPending}},
		{DeviceFilter: store.DeviceFilter{Operation: store.Install, Status: store.StatusNone}},
		{DeviceFilter: store.DeviceFilter{Failed: true, Status: store.Succeeded(store.Install)}},
		{DeviceFilter: store.DeviceFilter{AuthMode: store.ByString}, DueForRenewal: true, ByItself: true},
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
	rows, err := bulk.PreviewUpdate(t.Context(), h.Rules, bulk.Selection{DeviceFilter: store.DeviceFilter{Name: "SEP*"}},
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
