package devices_test

import (
	"encoding/json"
	"testing"

	"capf/enroll/devices"
	"capf/store"
)

// TestFilterNames: the name by which a filter is read is that of its field in the
// documents of jobs.
func TestFilterNames(t *testing.T) {
	t.Parallel()
	words := map[string]string{"operation": "install", "status": "pending", "auth_mode": "lsc"}
	for _, f := range devices.Filters() {
		word, ok := words[f.Name]
		if !ok {
			word = "A*" // a pattern
		}
		var all store.DeviceFilter
		if f.Switch {
			if err := f.Read(&all, ""); err != nil || f.Of(all) != "yes" {
				t.Errorf("%s is %q, %v", f.Name, f.Of(all), err)
			}
			if doc, err := json.Marshal(all); err != nil || string(doc) != `{"`+f.Name+`":true}` {
				t.Errorf("the filter %s is kept as %s, %v", f.Name, doc, err)
			}
			continue
		}
		if err := f.Read(&all, word); err != nil || f.Of(all) != word {
			t.Errorf("%s: %q is read as %q, %v", f.Name, word, f.Of(all), err)
		}
		if doc, err := json.Marshal(all); err != nil || string(doc) != `{"`+f.Name+`":"`+word+`"}` {
			t.Errorf("the filter %s is kept as %s, %v", f.Name, doc, err)
		}
	}
}
