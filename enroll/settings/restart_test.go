package settings

import (
	"maps"
	"slices"
	"testing"
)

// TestAfterRestart: each parameter of which set says that it is in force after a
// restart is one of which status can say that it waits for it.
func TestAfterRestart(t *testing.T) {
	t.Parallel()
	var all Settings
	want := map[string]string{}
	for _, p := range parameters {
		if p.Secret {
			continue
		}
		p.into(&all, p.Default)
		if p.Effect == afterRestart {
			want[p.Name] = p.Default
		}
	}
	if got := all.AfterRestart(); !maps.Equal(got, want) {
		t.Errorf("they are %v, not %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
