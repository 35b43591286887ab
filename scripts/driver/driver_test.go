package driver_test

import (
	"path/filepath"
	"strings"
	"testing"

	"capf/scripts/driver"
)

// TestCapf finds the program from another folder, and says how it is made.
func TestCapf(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := driver.Capf("./capf"); err == nil || !strings.Contains(err.Error(), "make build makes it") {
		t.Errorf("without a program: %v", err)
	}
	if path, err := driver.Capf("."); err != nil || !filepath.IsAbs(path) {
		t.Errorf("%q, %v", path, err)
	}
}

// TestEnvironment: what stands in the environment of the caller does not lead
// capf to another database or key.
func TestEnvironment(t *testing.T) {
	for _, name := range []string{"CAPF_DB", "CAPF_MASTER_KEY_FILE", "CAPF_OUTPUT"} {
		t.Setenv(name, "/elsewhere")
	}
	last := map[string]string{} // of two settings, the later one holds
	for _, one := range driver.Command(t.Context(), "capf", "/x/capf.db", "status").Environ() {
		name, value, _ := strings.Cut(one, "=")
		last[name] = value
	}
	if last["CAPF_DB"] != "/x/capf.db" || last["CAPF_MASTER_KEY_FILE"] != "/x/capf.master-key" || last["CAPF_OUTPUT"] != "table" {
		t.Errorf("the environment is %v", last)
	}
}
