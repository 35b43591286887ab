package store

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestFilters: each filter of the database that takes a text goes by package wildcard.
func TestFilters(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "TAB") // without an LSC
	d := device("SEP000000000001")
	d.Pool, d.Model = "Köln", "Ágnes 8861"
	d, err := s.AddDevice(t.Context(), Actor{Kind: Operator, Name: "Jürgen"}, d)
	must(t, err)
	l := issue(t, s, d)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule))
	for _, test := range []struct {
		pattern string
		want    int
	}{
		{"KÖLN", 1}, {"köl*", 1}, {"*N", 1}, {"K?LN", 1}, {"Köl", 0}, {"Kö", 0},
	} {
		if got := len(all(t, s.Devices(t.Context(), DeviceFilter{Pool: test.pattern}))); got != test.want {
			t.Errorf("%d devices in the pool %q", got, test.pattern)
		}
		if got := len(all(t, s.Selected(t.Context(), Selection{DeviceFilter: DeviceFilter{Pool: test.pattern}}))); got != test.want {
			t.Errorf("%d devices are selected by the pool %q", got, test.pattern)
		}
	}
	for _, f := range []DeviceFilter{{Model: "ágnes*"}, {Model: "ÁGNES 8861"}, {Name: "sep*1"}, {Name: "SEP00000000000?"}, {Name: "sep000000000001"}, {Name: "*é*"}, {Name: "\u212a*"}, {Name: "SEPé*"}} {
		want := 1
		if strings.ContainsFunc(f.Name, func(r rune) bool { return r >= utf8.RuneSelf }) {
			want = 0
		}
		if got := len(all(t, s.Devices(t.Context(), f))); got != want {
			t.Errorf("%d devices match %+v", got, f)
		}
	}
	for _, f := range []EventFilter{{Operator: "JÜRGEN"}, {Operator: "J?RG*", Action: "DEVICE-*"}, {Device: "sep*", Action: "*add"}} {
		if got := len(all(t, s.Events(t.Context(), f))); got != 1 {
			t.Errorf("%d events match %+v", got, f)
		}
	}
	issuer := strings.ToUpper(l.Issuer)
	for _, pattern := range []string{issuer, issuer[:len(issuer)-2] + "*", issuer[3 : len(issuer)-1]} {
		if n, err := s.CountSelected(t.Context(), Selection{HoldingFilter: HoldingFilter{LSCIssuedBy: pattern}}); n != 1 || err != nil {
			t.Errorf("%d devices have an LSC of %q, %v", n, pattern, err)
		}
	}
}
