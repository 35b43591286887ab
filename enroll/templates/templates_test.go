package templates_test

import (
	"errors"
	"testing"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/templates"
	"capf/internal/apperr"
	"capf/store"
)

// TestDocuments: templates of a database of 27 November 2026 are read as they were
// written. Their rows then had the attributes in another order than those of today.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ settings, want string }{
		{
			`{"model":"8861","pool":"Berlin","security_mode":"encrypted","ip_mode":"ipv4","operation":"install","auth_mode":"mic","key_order":"ec","rsa_bits":2048,"ec_bits":384,"completes_by":"+30d"}`,
			"model=8861 pool=Berlin security-mode=encrypted ip-mode=ipv4 operation=install auth-mode=mic key-order=ec rsa-bits=2048 ec-bits=384 completes-by=+30d",
		},
		{`{"operation":"install","auth_mode":"auth-string","unique_strings":true}`, "operation=install auth-mode=auth-string auth-string=(unique)"},
		{`{"operation":"install","auth_mode":"auth-string"}`, "operation=install auth-mode=auth-string"}, // its string is sealed beside it
	} {
		e, err := templates.Read(store.Template{Name: "desks", Settings: test.settings})
		if err != nil || e.Describe() != test.want {
			t.Errorf("the template is read as %s, %v\nwant %s", e.Describe(), err, test.want)
		}
	}
}

// TestAdd: the same template can be asked for twice, whatever the order in which an
// earlier version has written its settings; another one of the name cannot.
func TestAdd(t *testing.T) {
	t.Parallel()
	h := devicestest.New(t)
	pool, model := "Berlin", "8861"
	settings := devices.Edit{Pool: &pool, Model: &model}
	earlier := store.Template{Name: "desks", Settings: `{"pool":"Berlin","model":"8861"}`}
	if _, err := h.Rules.Store.AddTemplate(t.Context(), devicestest.Operator, earlier); err != nil {
		t.Fatal(err)
	}
	if _, added, err := templates.Add(t.Context(), h.Rules, devicestest.Operator, "desks", "", settings, false); added || err != nil {
		t.Errorf("the template that is there was added: %v, %v", added, err)
	}
	model = "7962"
	if _, _, err := templates.Add(t.Context(), h.Rules, devicestest.Operator, "desks", "", settings, false); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another template of the name: %v", err)
	}
}

// TestChange: what is cleared is left open, and what no new device could take is
// refused.
func TestChange(t *testing.T) {
	t.Parallel()
	h := devicestest.New(t)
	pool, model, none := "Berlin", "8861", ""
	if _, _, err := templates.Add(t.Context(), h.Rules, devicestest.Operator, "desks", "", devices.Edit{Pool: &pool, Model: &model}, false); err != nil {
		t.Fatal(err)
	}
	changed, err := templates.Change(t.Context(), h.Rules, devicestest.Operator, "desks", nil, devices.Edit{Pool: &none})
	if err != nil || changed.Settings != `{"model":"8861"}` {
		t.Errorf("without its pool, the template is %s, %v", changed.Settings, err)
	}
	byString, install := store.ByString, store.Install
	_, err = templates.Change(t.Context(), h.Rules, devicestest.Operator, "desks", nil, devices.Edit{Operation: &install, AuthMode: &byString})
	if !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("a mode by string without a string: %v", err)
	}
}

// TestFeatureGroup: a group names a template that there is, which cannot be deleted
// meanwhile.
func TestFeatureGroup(t *testing.T) {
	t.Parallel()
	h := devicestest.New(t)
	if err := templates.UpsertFeatureGroup(t.Context(), h.Rules, devicestest.Operator, "staff", "desks", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a group without its template: %v", err)
	}
	if _, _, err := templates.Add(t.Context(), h.Rules, devicestest.Operator, "desks", "", devices.Edit{}, false); err != nil {
		t.Fatal(err)
	}
	if err := templates.UpsertFeatureGroup(t.Context(), h.Rules, devicestest.Operator, "staff", "desks", nil); err != nil {
		t.Fatal(err)
	}
	if err := templates.Delete(t.Context(), h.Rules.Store, devicestest.Operator, "desks"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a template that a group names was deleted: %v", err)
	}
}

// TestCheckName are names that could not be written on a command line.
func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{"desks": true, "Büro 3": true, "": false, "-desks": false, "a/b": false, " a": false} {
		if err := templates.CheckName("template", name); (err == nil) != good || err != nil && !errors.Is(err, apperr.ErrValue) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
