package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenKeyIsRefused: a key that others may read is a refusal.
func TestOpenKeyIsRefused(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.Chmod(filepath.Join(dir, "capf.master-key"), 0o644))
	if code, out := capf(t, dir, "cert", "regenerate", "capf", "--yes"); code != 4 || !strings.Contains(out, "its mode is 0644") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestServeRefusesOpenFiles starts serve where everybody may change the
// database.
func TestServeRefusesOpenFiles(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.Chmod(filepath.Join(dir, "capf.db"), 0o666))
	code, out := capf(t, dir, "serve", "--listen", "127.0.0.1:0")
	if code != 4 || !strings.Contains(out, "has the mode 0666: everybody may change it") || !strings.Contains(out, "hint: chmod 600 ") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out := capf(t, dir, "status"); code != 0 || !strings.Contains(out, "everybody may change it") {
		t.Errorf("status: exit code %d\n%s", code, out)
	}
}
