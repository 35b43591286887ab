package devices_test

import (
	"testing"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/store"
)

// TestSavedOrder: what the database holds does not depend on which version wrote it.
func TestSavedOrder(t *testing.T) {
	t.Parallel()
	r := devicestest.New(t).Rules
	install, byString, pool := store.Install, store.ByString, "x"
	for want, e := range map[string]devices.Edit{
		`{}`: {},
		`{"pool":"x","operation":"install","auth_mode":"auth-string","unique_strings":true,"partial":true}`: {AuthMode: &byString, Operation: &install, Pool: &pool, UniqueString: true},
	} {
		if text, _, err := r.Save(e, e.UniqueString, "test"); err != nil || text != want {
			t.Errorf("%s, %v, want %s", text, err, want)
		}
	}
}
