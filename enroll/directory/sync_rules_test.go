package directory_test

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/directory"
	"capf/enroll/health"
	"capf/enroll/templates"
	"capf/internal/apperr"
	"capf/store"
)

// findings is what status tells of.
func (h *house) findings() string {
	h.Helper()
	found, err := health.Findings(h.Context(), h.Rules.Store.Reader, h.Rules.Now(), store.DeviceCounts{})
	devicestest.Must(h.TB, err)
	return fmt.Sprint(found)
}

// narrow has the directory name only the people of the filter.
func (h *house) narrow(name, filter string) {
	h.Helper()
	d, err := h.Rules.Store.Directory(h.Context(), name)
	devicestest.Must(h.TB, err)
	v, err := directory.ReadDirectory(d)
	devicestest.Must(h.TB, err)
	v.Filter = filter
	_, err = directory.ChangeDirectory(h.Context(), h.Rules, devicestest.Operator, d, v, nil, nil)
	devicestest.Must(h.TB, err)
}

// template is that of the feature group of the directory.
func (h *house) template(e devices.Edit) {
	h.Helper()
	_, _, err := templates.Add(h.Context(), h.Rules, devicestest.Operator, "phones", "", e, false)
	devicestest.Must(h.TB, err)
	devicestest.Must(h.TB, templates.UpsertFeatureGroup(h.Context(), h.Rules, devicestest.Operator, "staff", "phones", nil))
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
	const all, some = directory.DefaultFilter, "(uid=user0*)"

	t.Run("a span begins when the device is made", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		by, err := devices.ParseDeadline("+10d", h.Clock.Now())
		devicestest.Must(t, err)
		h.template(devices.Edit{Operation: devicestest.Ptr(store.Install), CompletesBy: &by})
		h.addDirectory("people", "staff", s.directory("people"))
		h.narrow("people", some)
		for round, filter := range []string{some, all} {
			h.narrow("people", filter)
			got, err := h.sync("people", directory.SyncOptions{})
			devicestest.Must(t, err)
			if got.Counts[store.SyncAdded] != 10 {
				t.Errorf("round %d: %v", round, got.Counts)
			}
			if d := h.Device(fmt.Sprintf("CSFuser%d0", round)); !d.CompletesBy.Equal(h.Clock.Now().AddDate(0, 0, 10)) {
				t.Errorf("round %d: the device has until %v", round, d.CompletesBy)
			}
			h.Clock.Move(30 * 24 * time.Hour)
		}
	})

	t.Run("what is forbidden for new devices does not touch known ones", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.template(devices.Edit{Operation: devicestest.Ptr(store.Install), CompletesBy: devicestest.Ptr(devices.At(devicestest.Start.Add(10 * 24 * time.Hour)))})
		h.addDirectory("people", "staff", s.directory("people"))
		h.narrow("people", some)
		_, err := h.sync("people", directory.SyncOptions{})
		devicestest.Must(t, err)
		h.Clock.Move(11 * 24 * time.Hour) // the template can make no device any more
		got, err := h.sync("people", directory.SyncOptions{})
		if err != nil || got.Counts[store.SyncKnown] != 10 {
			t.Errorf("the known ones: %v: %v", got.Counts, err)
		}
		h.narrow("people", all)
		before := fmt.Sprint(h.Snapshot())
		if got, err = h.sync("people", directory.SyncOptions{}); !errors.Is(err, apperr.ErrRefused) || got.Bad != 10 || before != fmt.Sprint(h.Snapshot()) {
			t.Errorf("new ones: %d bad: %v", got.Bad, err)
		}
		got, err = h.sync("people", directory.SyncOptions{Partial: true})
		if !errors.Is(err, apperr.ErrPartly) || got.Bad != 10 || got.Counts[store.SyncKnown] != 10 || got.Counts[store.SyncMissing] != 0 || got.Counts[store.SyncRefused] != 10 {
			t.Errorf("with --partial: %v, %d bad: %v", got.Counts, got.Bad, err)
		}
		if got.Rows[0].Problem == "" || !strings.Contains(got.Rows[0].Problem, "has passed") {
			t.Errorf("the rows are %+v", got.Rows[0])
		}
		// What was left out is tried again.
		_, err = templates.Change(t.Context(), h.Rules, devicestest.Operator, "phones", nil,
			devices.Edit{CompletesBy: devicestest.Ptr(devices.At(h.Clock.Now().Add(time.Hour)))})
		devicestest.Must(t, err)
		if got, err = h.sync("people", directory.SyncOptions{}); err != nil || got.Counts[store.SyncAdded] != 10 {
			t.Errorf("then: %v: %v", got.Counts, err)
		}
	})

	t.Run("who comes back gets a device again", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.addDirectory("people", "", s.directory("people"))
		_, err := h.sync("people", directory.SyncOptions{})
		devicestest.Must(t, err)
		h.narrow("people", "(!(uid=user07))")
		got, err := h.sync("people", directory.SyncOptions{Partial: true}) // the base is no person
		if !errors.Is(err, apperr.ErrPartly) || got.Counts[store.SyncMissing] != 1 {
			t.Fatalf("%v: %v", got.Counts, err)
		}
		devicestest.Must(t, h.Rules.Store.DeleteDevice(t.Context(), devicestest.Operator, "CSFuser07"))
		devicestest.Must(t, h.Rules.Store.DeleteDevice(t.Context(), devicestest.Operator, "CSFuser08"))
		h.narrow("people", all)
		got, err = h.sync("people", directory.SyncOptions{})
		devicestest.Must(t, err)
		if lines(got) != "CSFuser07 added; CSFuser08 deleted" {
			t.Errorf("the sync says %q", lines(got))
		}
		h.Device("CSFuser07")
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
		_, err := h.sync("people", directory.SyncOptions{})
		devicestest.Must(t, err)
		dir, err := h.Rules.Store.Directory(t.Context(), "people")
		devicestest.Must(t, err)
		d.DeviceName = "CSF{mail}" // which nobody has
		_, err = directory.ChangeDirectory(t.Context(), h.Rules, devicestest.Operator, dir, d, nil, nil)
		devicestest.Must(t, err)
		got, err := h.sync("people", directory.SyncOptions{Partial: true})
		if !errors.Is(err, apperr.ErrPartly) || got.Bad != 1 || got.Counts[store.SyncMissing] != 0 {
			t.Errorf("%v, %d bad: %v", got.Counts, got.Bad, err)
		}
	})

	t.Run("the brake", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.addDirectory("people", "", s.directory("people"))
		_, err := h.sync("people", directory.SyncOptions{})
		devicestest.Must(t, err)
		h.narrow("people", some) // ten of twenty are missing
		for text, stops := range map[string]bool{"9": true, "0": true, "10": false, "20%": false, "0%": false, "50%": false} {
			b, err := directory.ParseBrake(text)
			devicestest.Must(t, err)
			_, err = h.sync("people", directory.SyncOptions{MaxMissing: &b, DryRun: true})
			if errors.Is(err, apperr.ErrRefused) != stops {
				t.Errorf("--max-missing %s: %v", text, err)
			}
		}
		for _, text := range []string{"", "%", "-1", "101%", "1e3", "NaN%", "20 %", "many"} {
			if _, err := directory.ParseBrake(text); !errors.Is(err, apperr.ErrValue) {
				t.Errorf("--max-missing %q: %v", text, err)
			}
		}
	})
}
