// Package walks has the ways of users through capf, as scripts that each could have typed:
// an operator on a terminal, a script of cron, one that seeds a host, a job of a CI system.
package walks

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWalks goes the ways with the real binary, in an environment that has nothing but
// a PATH.
func TestWalks(t *testing.T) {
	capf := filepath.Join(t.TempDir(), "capf")
	if out, err := exec.Command("go", "build", "-o", capf, "capf").CombinedOutput(); err != nil {
		t.Fatalf("building capf: %v\n%s", err, out)
	}
	scripts, err := filepath.Glob("*.sh")
	if err != nil || len(scripts) != 5 {
		t.Fatalf("%v, the scripts are %q", err, scripts)
	}
	for _, script := range scripts {
		if script == "walk.sh" { // what they share
			continue
		}
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			walk := exec.CommandContext(t.Context(), "./"+script, capf)
			walk.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TMPDIR=" + t.TempDir()}
			if out, err := walk.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
