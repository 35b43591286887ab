package store

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatches(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 10000)
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "x", true}, {"*", "", true}, {"?", "", false}, {"x", "", false},
		{"berlin", "Berlin", true}, {"BERLIN", "Berlin", true}, {"berlin", "Berlin-Mitte", false}, {"berlin*", "Berlin-Mitte", true},
		{"*MITTE", "Berlin-Mitte", true}, {"b*n*e", "Berlin-Mitte", true}, {"b*n*x", "Berlin-Mitte", false}, {"*", "Köln", true},
		{"KÖL*", "Köln", true}, {"köln", "KÖLN", true}, {"k?ln", "Köln", true}, {"k??ln", "Köln", false}, {"koln", "Köln", false},
		{"KO\u0308L*", "Köln", true}, {"k?ln", "Ko\u0308ln", true}, {"МОСКВА", "Москва", true}, {"αθηνας", "ΑΘΗΝΑΣ", true},
		{"stra\u1e9ee", "Straße", true}, {"\u212aöln", "köln", true}, {"電*", "電話", true}, {"?話", "電話", true},
		{"100%", "100%", true}, {"100%", "1000", false}, {"a_c", "abc", false}, {`a\*`, `a\b`, true}, {"[a]", "a", false},
		{"a?", "a", false}, {"a?", "a?", true}, {"**a**", "xax", true}, {"a*a*a*a*a*a*b", long, false}, {"*a", long, true},
		{"a\xff", "A\xff", true}, {"a\xff", "a", false},
	} {
		if got := Matches(test.pattern, test.text); got != test.want {
			t.Errorf("%q matches %.20q: %v", test.pattern, test.text, got)
		}
	}
}

// TestFilters: each filter of the database that takes a text goes by Matches.
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
		if !isASCII(f.Name) {
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
		if n, err := s.CountSelected(t.Context(), Selection{LSCIssuedBy: pattern}); n != 1 || err != nil {
			t.Errorf("%d devices have an LSC of %q, %v", n, pattern, err)
		}
	}
}

// FuzzMatches: a text matches itself in either case, and a star everything.
func FuzzMatches(f *testing.F) {
	f.Add("Köln", "KÖL*")
	f.Add("\u0130\u1e9e\u03a3", "?*?")
	f.Fuzz(func(t *testing.T, text, pattern string) {
		if !utf8.ValidString(text) {
			return
		}
		Matches(pattern, text)
		if !Matches("*", text) || !Matches("*"+text+"*", text) || !Matches(text+"*", text) {
			t.Errorf("%q does not match itself", text)
		}
	})
}
