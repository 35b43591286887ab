package commands

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMemoryIsKept looks at a running serve from outside.
func TestMemoryIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0", "--address-file", "address")
	check(t, c.Start())
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "address")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("serve does not listen")
		}
	}
	proc := fmt.Sprintf("/proc/%d/", c.Process.Pid)
	limits, err := os.ReadFile(proc + "limits")
	check(t, err)
	for line := range strings.Lines(string(limits)) {
		if words := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (words[4] != "0" || words[5] != "0") {
			t.Error(line)
		}
	}
	status, err := os.ReadFile(proc + "status")
	check(t, err)
	if !bytes.Contains(status, []byte("Umask:\t0077\n")) {
		t.Errorf("its umask is not 0077:\n%s", status)
	}
	check(t, c.Process.Signal(os.Interrupt))
	check(t, c.Wait())
}

// TestNotDumpable asks the kernel about this process, which no other one can.
func TestNotDumpable(t *testing.T) {
	check(t, keepMemory())
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Errorf("dumpable: %d, %v", n, err)
	}
}
