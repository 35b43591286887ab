package jobs_test

import (
	"strings"
	"testing"

	"capf/enroll/bulk"
	"capf/enroll/devices/devicestest"
)

// house is a database with devices, and what the tests of this room do with it.
type house struct{ *devicestest.House }

func newHouse(t testing.TB) *house {
	t.Helper()
	return &house{devicestest.New(t)}
}

// selects names the devices that a selection has, without what is the same in
// all their names.
func (h *house) selects(s bulk.Selection) string {
	h.Helper()
	var names []string
	rows, err := bulk.Select(h.Context(), h.Rules, s)
	devicestest.Must(h.TB, err)
	for v, err := range rows {
		devicestest.Must(h.TB, err)
		names = append(names, v.Name)
	}
	return strings.NewReplacer("SEP00000000000", "", "CSF", "").Replace(strings.Join(names, " "))
}
