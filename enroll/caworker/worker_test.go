package caworker

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/caready"
	"capf/enroll/companytest"
	"capf/enroll/settings"
	"capf/store"
)

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
		return companytest.Noon()
	}
	d := newDesk(t, now)
	w := New(ca(d), Options{})
	if err := w.config.reread(t.Context()); err != nil || !strings.Contains(w.config.unready(), "is not set") {
		t.Fatalf("at first the CA is unready for %q, %v", w.config.unready(), err)
	}
	meanwhile = func() {
		if _, err := settings.Set(t.Context(), d.Store, companytest.Olga(), settings.OnlineHost, "ca.example.com"); err != nil {
			t.Error(err)
		}
		d.Request("SEP001122334455")
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
	d := newDesk(t, companytest.Noon)
	for _, set := range [][2]string{{settings.OnlineHost, "ca.example.com"}, {settings.OnlineType, "est"}} {
		if _, err := settings.Set(t.Context(), d.Store, companytest.Olga(), set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Store.SetService(t.Context(), companytest.Olga(), caready.Service, true); err != nil {
		t.Fatal(err)
	}
	d.Request("SEP001122334455")
	w := New(ca(d), Options{})
	due, err := w.due(t.Context(), 5)
	if err != nil || len(due) != 1 || w.config.unready() != "" {
		t.Fatalf("due are %d, %q, %v", len(due), w.config.unready(), err)
	}
	taken, _, err := d.Store.ClaimOnline(t.Context(), due[0], true, d.Now())
	if err != nil {
		t.Fatal(err)
	}
	taken.State, taken.CA, taken.DueAt = store.OnlineTaken, w.config.current.name, d.Now()
	if err := d.Store.PostponeOnline(t.Context(), actor(), taken, store.EventText{}); err != nil {
		t.Fatal(err)
	}
	for _, fips := range []bool{false, true} {
		if _, err := settings.Set(t.Context(), d.Store, companytest.Olga(), settings.FIPSMode, fmt.Sprint(fips)); err != nil {
			t.Fatal(err)
		}
		due, err := w.due(t.Context(), 5)
		if err != nil || (len(due) == 0) != fips {
			t.Errorf("FIPS mode %v: due are %d, %v", fips, len(due), err)
		}
	}
}

// TestNewClientAfterEachChange: what an operator changes about the CA is in force for
// the next request; what is about devices changes nothing.
func TestNewClientAfterEachChange(t *testing.T) {
	t.Parallel()
	d := newDesk(t, companytest.Noon)
	key := filepath.Join(t.TempDir(), "key")
	sealer, err := crypto.CreateMasterKey(key)
	if err != nil {
		t.Fatal(err)
	}
	online := ca(d)
	online.Sealer = sealer
	w := New(online, Options{})
	set := func(name, value string) func() error {
		return func() error {
			_, err := settings.Set(t.Context(), d.Store, companytest.Olga(), name, value)
			return err
		}
	}
	for _, change := range []struct {
		name string
		do   func() error
		new  bool
	}{
		{"the host", set(settings.OnlineHost, "ca.example.com"), true},
		{"the service", func() error { return d.Store.SetService(t.Context(), companytest.Olga(), caready.Service, true) }, true},
		{"the same host", set(settings.OnlineHost, "ca.example.com"), false},
		{"a parameter of phones", set("keep_alive", "7"), false},
		{"a device", func() error { d.Request("SEP001122334455"); return nil }, false},
		{"the template", set(settings.OnlineTemplate, "Phones"), true},
		{"the password", func() error {
			_, err := settings.SetSecret(t.Context(), d.Store, sealer, companytest.Olga(), settings.OnlinePassword, []byte("secret"))
			return err
		}, true},
		{"the user", set(settings.OnlineUsername, "capf"), true},
		{"capf-trust", func() error { d.Trust(d.Root); return nil }, true},
		{"a restart", func() error { return d.Store.RestartService(t.Context(), companytest.Olga(), caready.Service) }, true},
		{"a restart of another service", func() error { return d.Store.RestartService(t.Context(), companytest.Olga(), "capf") }, false},
		{"the kind", set(settings.OnlineType, "est"), true},
		{"the leniency", set("clock_tolerance", "9"), true},
	} {
		before := w.config.current
		if err := change.do(); err != nil {
			t.Fatal(err)
		}
		if err := w.config.reread(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := w.config.current; (now != before) != change.new || before == nil && now == nil {
			t.Errorf("%s: new client %v, want %v", change.name, now != before, change.new)
		}
		now := w.config.current
		if err := w.config.reread(t.Context()); err != nil || w.config.current != now {
			t.Errorf("%s: and once more without a change, %v", change.name, err)
		}
	}
	if c := w.config.current; c.unready != "" || c.name != "est ca.example.com:443" || len(c.trusted) != 1 || c.leniency.Ahead != 9*time.Minute {
		t.Errorf("in the end the way to the CA is %+v", c)
	}
}
