package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnswersWithoutReader: a pipeline of a shell with pipefail gets the answer of a
// command also where head has closed the pipe, and what the command does is done. Where
// the disk is full, an answer of which nothing can be read is a failure.
func TestAnswersWithoutReader(t *testing.T) {
	t.Parallel()
	dir := house(t)
	entries := writeRoots(t, dir, "A", "B")
	for name, text := range map[string]string{
		"trust.yaml": "version: 1\ncertificates:\n" + entries[0], "bad.csv": "name,operation\nCSFnew,fly\n",
		"names": "SEP000000000001\nSEP0000000000FF\n", "one": "SEP0000000000FF\n", "phones.csv": "name,pool\nCSFnew,Berlin\n",
	} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	manyDevices(t, dir, 3)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	check(t, err)
	defer full.Close()
	for _, test := range []struct {
		line           string
		unread, onFull int
	}{
		{"cert apply trust.yaml --dry-run", 6, 1},
		{"device apply phones.csv --dry-run", 6, 1},
		{"expiry check --within 9000d --capf", 7, 1},
		{"bulk insert bad.csv", 4, 4},
		{"device list --devices names", 5, 5},
		{"device list --devices one", 3, 3},
		{"audit list --verify", 0, 1},
		{"device list", 0, 1},
	} {
		for stdout, want := range map[*os.File]int{closedPipe(t): test.unread, full: test.onFull} {
			cmd := capfProcess(t, dir, strings.Fields(test.line)...)
			var said strings.Builder
			cmd.Stdout, cmd.Stderr = stdout, &said
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != want {
				t.Errorf("%s to %s: exit code %d, not %d: %s", test.line, stdout.Name(), code, want, said.String())
			}
			if stdout == full && want != 3 && !strings.Contains(said.String(), "no space left on device") {
				t.Errorf("%s on a full disk says %q", test.line, said.String())
			}
		}
	}
	for _, line := range []string{"device apply phones.csv", "bulk insert phones.csv --json"} {
		cmd := capfProcess(t, dir, strings.Fields(line)...)
		cmd.Stdout = closedPipe(t)
		check(t, cmd.Run())
	}
	must(t, dir, "device", "show", "CSFnew")
}

// closedPipe is a pipe whose reader has gone.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	check(t, err)
	check(t, read.Close())
	t.Cleanup(func() { write.Close() })
	return write
}
