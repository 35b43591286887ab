package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"capf/commands"
	"capf/store"
)

// asProgram makes the test binary act as capf, or as this program.
const asProgram = "CAPF_CRASH_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	if !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(commands.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	main()
	os.Exit(0)
}

// TestNothingLost is a storm that lasts until it has seen enough of each deed,
// where CI is set for a minute at least; make crash has longer ones.
func TestNothingLost(t *testing.T) {
	t.Setenv(asProgram, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	span := "4s"
	if os.Getenv("CI") != "" {
		span = "1m"
	}
	var out bytes.Buffer
	err = run(t.Context(), []string{"-capf", self, "-time", span, "-dir", t.TempDir()}, &out, t.Output())
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
}

// TestEnough: a storm goes on until each deed was seen often enough.
func TestEnough(t *testing.T) {
	t.Parallel()
	for _, small := range []bool{false, true} {
		s := &storm{options: options{small: small}, counts: map[string]int{}, enough: make(chan struct{})}
		want := maps.Clone(deeds)
		if small {
			want[diskFilled] = filled
			delete(want, goodBackup)
		}
		for what, n := range want {
			select {
			case <-s.enough:
				t.Errorf("small %v: it was enough before %q", small, what)
			default:
			}
			if text := strings.Join(s.scarce(), ", "); !strings.Contains(text, fmt.Sprintf("%q 0 times of %d", what, n)) {
				t.Errorf("small %v: scarce are %s, without %q", small, text, what)
			}
			for range n + 1 {
				s.count(what)
			}
		}
		select {
		case <-s.enough:
		default:
			t.Errorf("small %v: it is never enough: %v", small, s.scarce())
		}
	}
}

// TestJudge has each kind of loss noticed.
func TestJudge(t *testing.T) {
	t.Parallel()
	one, two := []byte("one"), []byte("two")
	install, deletion := store.Install, store.Delete
	lsc := func(der []byte, state store.LSCState) facts {
		return facts{lscs: map[[32]byte]store.LSC{fingerprint(der): {State: state}}, installed: map[string]bool{"phone": state == store.LSCInstalled}}
	}
	sure := attempt{op: install, began: 1, ended: 2, sure: true}
	told := []deed{
		{kind: received, at: 4, certificate: one}, {kind: said, at: 5, began: 3, granted: 4, op: install, certificate: one},
		{kind: confirmed, at: 6, began: 3, op: install, certificate: one},
	}
	for _, test := range []struct {
		name     string
		attempts []attempt
		deeds    []deed
		op       store.Operation
		facts    facts
		want     string
	}{
		{"good", []attempt{sure}, told, store.NoOperation, lsc(one, store.LSCInstalled), ""},
		{"not recorded", []attempt{sure}, told[:1], install, lsc(two, store.LSCIssued), "not recorded"},
		{"not installed", []attempt{sure}, told, store.NoOperation, lsc(one, store.LSCIssued), `is installed, which is "issued"`},
		{"lost", []attempt{sure}, told, store.NoOperation, lsc(two, store.LSCInstalled), "not recorded"},
		{"replaced by nothing", []attempt{sure}, told, store.NoOperation, lsc(one, store.LSCReplaced), `which is "replaced"`},
		{"deleted", []attempt{sure}, append(told[:3:3], deed{kind: said, at: 8, op: deletion}), store.NoOperation, lsc(one, store.LSCDeleted), ""},
		{"cleared by nobody", []attempt{sure}, told[:1], store.NoOperation, lsc(one, store.LSCIssued), "never said"},
		{"not cleared", []attempt{sure}, told, install, lsc(one, store.LSCInstalled), "still scheduled"},
		{"scheduled by nobody", []attempt{sure}, nil, deletion, facts{}, "nobody has asked"},
		{"stale and discarded", []attempt{sure}, []deed{told[0], {kind: keyed, at: 5}}, install, lsc(one, store.LSCDiscarded), ""},
		{"discarded though in flash", []attempt{sure}, told[:1], install, lsc(one, store.LSCDiscarded), "discarded"},
		{"replaced by itself", []attempt{sure}, append(told[:3:3], deed{kind: showed, at: 8, certificate: one}), store.NoOperation, lsc(one, store.LSCReplaced), `which is "replaced"`},
		{"not deleted", nil, []deed{{kind: confirmed, op: deletion}}, store.NoOperation, lsc(one, store.LSCInstalled), "has one installed"},
		{"installed since", nil, []deed{{kind: confirmed, op: deletion}, {kind: said, op: install}}, store.NoOperation, lsc(one, store.LSCInstalled), ""},
		{"not kept", nil, []deed{{kind: confirmed, op: store.Troubleshoot, gave: one}}, store.NoOperation, facts{}, "not kept"},
		{"kept", nil, []deed{{kind: confirmed, op: store.Troubleshoot, gave: one}}, store.NoOperation, facts{given: map[string][]byte{"phone": one}}, ""},
		{"cleared by an older session", []attempt{sure, {op: install, began: 7, ended: 8, sure: true}},
			[]deed{{kind: said, at: 9, began: 3, granted: 4, op: install}}, store.NoOperation, facts{}, "never said"},
		{"perhaps scheduled", []attempt{sure, {op: deletion, began: 7, ended: 8}}, told, deletion, lsc(one, store.LSCInstalled), ""},
	} {
		d := &device{name: "phone", attempts: test.attempts, deeds: test.deeds}
		got := strings.Join(d.judge(store.Device{Operation: test.op}, test.facts), "; ")
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

// TestJudgeDescribed has it noticed when a file was carried out in part, lost, or undone.
func TestJudgeDescribed(t *testing.T) {
	t.Parallel()
	failed := errors.New("killed")
	for _, test := range []struct {
		name   string
		is     []string
		become map[string]error // in the order of the states
		good   bool
	}{
		{"as it was", []string{absent}, nil, true},
		{"done", []string{"1", "1"}, map[string]error{"1": nil}, true},
		{"lost", []string{absent}, map[string]error{"1": nil}, false},
		{"in part", []string{"1", absent}, map[string]error{"1": failed}, false},
		{"killed before", []string{absent}, map[string]error{"1": failed}, true},
		{"killed after", []string{"1"}, map[string]error{"1": failed}, true},
		{"undone", []string{"1"}, map[string]error{"1": nil, "2": nil}, false},
		{"deleted later, by a job of a killed command", []string{absent}, map[string]error{absent: failed, "later": nil}, true},
	} {
		d := described{what: "it", can: []string{absent}, look: func(context.Context, *store.Store) (string, error) { return together(test.is), nil }}
		for _, state := range slices.Sorted(maps.Keys(test.become)) {
			d.become(state, func() error { return test.become[state] })
		}
		if got, err := d.judge(t.Context(), nil); err != nil || (got == "") != test.good {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
	}
}
