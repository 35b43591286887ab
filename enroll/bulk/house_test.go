package bulk_test

import (
	"testing"

	"capf/enroll/devices/devicestest"
)

// house is a database with devices, and what the tests of this room do with it.
type house struct{ *devicestest.House }

func newHouse(t testing.TB) *house {
	t.Helper()
	return &house{devicestest.New(t)}
}
