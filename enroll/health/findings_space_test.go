package health

import (
	"strings"
	"testing"

	"capf/store"
)

// TestRoomLeft: a disk is told of before it is full.
func TestRoomLeft(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		free, database, log int64
		severity, text      string
	}{
		{0, 1, 0, "error", "is full or will be: 0 KiB are left"},
		{40<<20 + 1, 1, 0, "error", "40 MiB are left"},
		{64 << 20, 1, 0, "warning", "filling up: 64 MiB are left"},
		{512 << 20, 1, 0, "", ""},
		{512 << 20, 500 << 20, 13 << 20, "warning", "no room for a second one: 512 MiB are left, and it takes 513 MiB"},
	} {
		found := roomLeft(store.Space{Free: test.free, Used: map[string]int64{"database": test.database, "log": test.log}})
		if test.severity == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || found[0].Severity != test.severity || !strings.Contains(found[0].Text, test.text) || found[0].Hint == "" {
			t.Errorf("%d free: %v", test.free, found)
		}
	}
	if found := roomLeft(store.Space{Free: 1 << 40, ReadOnly: true}); len(found) != 1 || found[0].Kind != DiskReadOnly {
		t.Errorf("read-only: %v", found)
	}
}
