package caworker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"capf/enroll"
	"capf/enroll/caready"
	"capf/enroll/settings"
	"capf/store"
)

// TestMoreTimeMeanwhile: an operator gives an operation more time between the
// moment when its request is read and the one when the worker looks at the clock.
func TestMoreTimeMeanwhile(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]bool{"more time": true, "as it was": false} {
		now := noon
		d := newOffice(t, func() time.Time { return now })
		request := d.request("SEP001122334455")
		due, err := d.Store.DueOnline(t.Context(), 1, false)
		if err != nil || len(due) != 1 || due[0].GiveUpAt.IsZero() {
			t.Fatalf("due are %+v, %v", due, err)
		}
		over := due[0].GiveUpAt.Add(time.Hour)
		if more {
			later := enroll.At(over.Add(time.Hour))
			if _, _, err := d.ChangeDevice(t.Context(), olga, "SEP001122334455", enroll.DeviceEdit{CompletesBy: &later}); err != nil {
				t.Fatal(err)
			}
		}
		now = over
		if err := New(d.ca(), Options{}).attempt(due[0], nil).run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := store.OnlineLate
		if more {
			want = store.OnlineQueued
		}
		if o, err := d.Store.Online(t.Context(), request.ID); err != nil || o.State != want {
			t.Errorf("%s: the request is %s, %v", name, o.State, err)
		}
	}
}

// TestRequestJudgedByNewerConfiguration: the operator names the CA and a phone
// comes between the moment when the configuration is read and the one when
// the worker asks what is due. The clock of the database is asked right before.
func TestRequestJudgedByNewerConfiguration(t *testing.T) {
	t.Parallel()
	var meanwhile func()
	now := func() time.Time {
		if f := meanwhile; f != nil {
			meanwhile = nil
			f()
		}
		return noon
	}
	d := newOffice(t, now)
	w := New(d.ca(), Options{})
	if err := w.config.reread(t.Context()); err != nil || !strings.Contains(w.config.unready(), "is not set") {
		t.Fatalf("at first the CA is unready for %q, %v", w.config.unready(), err)
	}
	meanwhile = func() {
		if _, err := settings.Set(t.Context(), d.Rules.Store, olga, settings.OnlineHost, "ca.example.com"); err != nil {
			t.Error(err)
		}
		d.request("SEP001122334455")
	}
	due, err := w.due(t.Context(), 5)
	if err != nil || len(due) != 1 || strings.Contains(w.config.unready(), "is not set") {
		t.Errorf("due are %d, judged by %q, %v", len(due), w.config.unready(), err)
	}
}

// TestNothingIsDueInFIPSMode: in FIPS mode no CA is asked, not even for what it has
// taken before.
func TestNothingIsDueInFIPSMode(t *testing.T) {
	t.Parallel()
	d := newOffice(t, func() time.Time { return noon })
	for _, set := range [][2]string{{settings.OnlineHost, "ca.example.com"}, {settings.OnlineType, "est"}} {
		if _, err := settings.Set(t.Context(), d.Store, olga, set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Store.SetService(t.Context(), olga, caready.Service, true); err != nil {
		t.Fatal(err)
	}
	d.request("SEP001122334455")
	w := New(d.ca(), Options{})
	due, err := w.due(t.Context(), 5)
	if err != nil || len(due) != 1 || w.config.unready() != "" {
		t.Fatalf("due are %d, %q, %v", len(due), w.config.unready(), err)
	}
	taken, _, err := d.Store.ClaimOnline(t.Context(), due[0], true, noon)
	if err != nil {
		t.Fatal(err)
	}
	taken.State, taken.CA, taken.DueAt = store.OnlineTaken, w.config.current.name, noon
	if err := d.Store.PostponeOnline(t.Context(), actor(), taken, store.EventText{}); err != nil {
		t.Fatal(err)
	}
	for _, fips := range []bool{false, true} {
		if _, err := settings.Set(t.Context(), d.Store, olga, settings.FIPSMode, fmt.Sprint(fips)); err != nil {
			t.Fatal(err)
		}
		due, err := w.due(t.Context(), 5)
		if err != nil || (len(due) == 0) != fips {
			t.Errorf("FIPS mode %v: due are %d, %v", fips, len(due), err)
		}
	}
}
