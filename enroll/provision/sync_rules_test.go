package provision_test

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"capf/enroll"
	"capf/enroll/health"
	"capf/enroll/provision"
	"capf/internal/apperr"
	"capf/store"
)

// findings is what status tells of.
func (h *house) findings() string {
	h.Helper()
	found, err := health.Findings(h.Context(), h.rules.Store.Reader, h.rules.Now(), store.DeviceCounts{})
	must(h.TB, err)
	return fmt.Sprint(found)
}

// narrow has the directory name only the people of the filter.
func (h *house) narrow(name, filter string) {
	h.Helper()
	d, err := h.rules.Store.Directory(h.Context(), name)
	must(h.TB, err)
	v, err := provision.ReadDirectory(d)
	must(h.TB, err)
	v.Filter = filter
	_, err = provision.ChangeDirectory(h.Context(), h.rules, operator, d, v, nil, nil)
	must(h.TB, err)
}

// template is that of the feature group of the directory.
func (h *house) template(e enroll.DeviceEdit) {
	h.Helper()
	_, _, err := provision.AddTemplate(h.Context(), h.rules, operator, "phones", "", provision.Edit{DeviceEdit: e}, false)
	must(h.TB, err)
	must(h.TB, provision.UpsertFeatureGroup(h.Context(), h.rules, operator, "staff", "phones", nil))
}

// small writes a directory of twenty people.
func small(w *bufio.Writer) {
	fmt.Fprintf(w, "dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n", suffix)
	fmt.Fprintf(w, "dn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: capf\nuserPassword: %s\n\n", bindDN, password)
	fmt.Fprintf(w, "dn: ou=people,%s\nobjectClass: organizationalUnit\nou: people\n\n", suffix)
	for i := range 20 {
		person(w, "people", fmt.Sprintf("user%02d", i), fmt.Sprint("Person ", i))
	}
}

// TestSyncRules is about what templates and rules mean for later syncs.
func TestSyncRules(t *testing.T) {
	t.Parallel()
	s := startSlapd(t, small)
	const all, some = provision.DefaultFilter, "(uid=user0*)"

	t.Run("a span begins when the device is made", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		by, err := enroll.ParseDeadline("+10d", h.clock.now())
		must(t, err)
		h.template(enroll.DeviceEdit{Operation: ptr(store.Install), CompletesBy: &by})
		h.addDirectory("people", "staff", s.directory("people"))
		h.narrow("people", some)
		for round, filter := range []string{some, all} {
			h.narrow("people", filter)
			got, err := h.sync("people", provision.SyncOptions{})
			must(t, err)
			if got.Counts[store.SyncAdded] != 10 {
				t.Errorf("round %d: %v", round, got.Counts)
			}
			if d := h.device(fmt.Sprintf("CSFuser%d0", round)); !d.CompletesBy.Equal(h.clock.now().AddDate(0, 0, 10)) {
				t.Errorf("round %d: the device has until %v", round, d.CompletesBy)
			}
			h.clock.move(30 * day)
		}
	})

	t.Run("what is forbidden for new devices does not touch known ones", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.template(enroll.DeviceEdit{Operation: ptr(store.Install), CompletesBy: ptr(enroll.At(start.Add(10 * day)))})
		h.addDirectory("people", "staff", s.directory("people"))
		h.narrow("people", some)
		_, err := h.sync("people", provision.SyncOptions{})
		must(t, err)
		h.clock.move(11 * day) // the template can make no device any more
		got, err := h.sync("people", provision.SyncOptions{})
		if err != nil || got.Counts[store.SyncKnown] != 10 {
			t.Errorf("the known ones: %v: %v", got.Counts, err)
		}
		h.narrow("people", all)
		before := fmt.Sprint(h.snapshot())
		if got, err = h.sync("people", provision.SyncOptions{}); !errors.Is(err, apperr.ErrRefused) || got.Bad != 10 || before != fmt.Sprint(h.snapshot()) {
			t.Errorf("new ones: %d bad: %v", got.Bad, err)
		}
		got, err = h.sync("people", provision.SyncOptions{Partial: true})
		if !errors.Is(err, apperr.ErrPartly) || got.Bad != 10 || got.Counts[store.SyncKnown] != 10 || got.Counts[store.SyncMissing] != 0 || got.Counts[store.SyncRefused] != 10 {
			t.Errorf("with --partial: %v, %d bad: %v", got.Counts, got.Bad, err)
		}
		if got.Rows[0].Problem == "" || !strings.Contains(got.Rows[0].Problem, "has passed") {
			t.Errorf("the rows are %+v", got.Rows[0])
		}
		// What was left out is tried again.
		_, err = provision.ChangeTemplate(t.Context(), h.rules, operator, "phones", nil,
			provision.Edit{DeviceEdit: enroll.DeviceEdit{CompletesBy: ptr(enroll.At(h.clock.now().Add(time.Hour)))}})
		must(t, err)
		if got, err = h.sync("people", provision.SyncOptions{}); err != nil || got.Counts[store.SyncAdded] != 10 {
			t.Errorf("then: %v: %v", got.Counts, err)
		}
	})

	t.Run("who comes back gets a device again", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.addDirectory("people", "", s.directory("people"))
		_, err := h.sync("people", provision.SyncOptions{})
		must(t, err)
		h.narrow("people", "(!(uid=user07))")
		got, err := h.sync("people", provision.SyncOptions{Partial: true}) // the base is no person
		if !errors.Is(err, apperr.ErrPartly) || got.Counts[store.SyncMissing] != 1 {
			t.Fatalf("%v: %v", got.Counts, err)
		}
		must(t, h.rules.Store.DeleteDevice(t.Context(), operator, "CSFuser07"))
		must(t, h.rules.Store.DeleteDevice(t.Context(), operator, "CSFuser08"))
		h.narrow("people", all)
		got, err = h.sync("people", provision.SyncOptions{})
		must(t, err)
		if lines(got) != "CSFuser07 added; CSFuser08 deleted" {
			t.Errorf("the sync says %q", lines(got))
		}
		h.device("CSFuser07")
		total := 0
		for _, n := range got.Counts {
			total += n
		}
		if total != got.Entries {
			t.Errorf("the counts %v are not those of %d entries", got.Counts, got.Entries)
		}
	})

	t.Run("an entry that names no device any more is not missing", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		d := s.directory("people")
		d.Filter = "(uid=user00)"
		h.addDirectory("people", "", d)
		_, err := h.sync("people", provision.SyncOptions{})
		must(t, err)
		dir, err := h.rules.Store.Directory(t.Context(), "people")
		must(t, err)
		d.DeviceName = "CSF{mail}" // which nobody has
		_, err = provision.ChangeDirectory(t.Context(), h.rules, operator, dir, d, nil, nil)
		must(t, err)
		got, err := h.sync("people", provision.SyncOptions{Partial: true})
		if !errors.Is(err, apperr.ErrPartly) || got.Bad != 1 || got.Counts[store.SyncMissing] != 0 {
			t.Errorf("%v, %d bad: %v", got.Counts, got.Bad, err)
		}
	})

	t.Run("the brake", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.addDirectory("people", "", s.directory("people"))
		_, err := h.sync("people", provision.SyncOptions{})
		must(t, err)
		h.narrow("people", some) // ten of twenty are missing
		for text, stops := range map[string]bool{"9": true, "0": true, "10": false, "20%": false, "0%": false, "50%": false} {
			b, err := provision.ParseBrake(text)
			must(t, err)
			_, err = h.sync("people", provision.SyncOptions{MaxMissing: &b, DryRun: true})
			if errors.Is(err, apperr.ErrRefused) != stops {
				t.Errorf("--max-missing %s: %v", text, err)
			}
		}
		for _, text := range []string{"", "%", "-1", "101%", "1e3", "NaN%", "20 %", "many"} {
			if _, err := provision.ParseBrake(text); !errors.Is(err, apperr.ErrValue) {
				t.Errorf("--max-missing %q: %v", text, err)
			}
		}
	})
}
