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

	"capf/commands/internal/host"
)

// TestMemoryIsKept looks at a running serve from outside.
func TestMemoryIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0", "--address-file", "address")
	check(t, c.Start())
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "address")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("serve does not listen")
		}
	}
	proc := fmt.Sprintf("/proc/%d/", c.Process.Pid)
	if line := coreLimit(t, c.Process.Pid); !leavesNoCore(line) {
		t.Error(line)
	}
	status, err := os.ReadFile(proc + "status")
	check(t, err)
	if !bytes.Contains(status, []byte("Umask:\t0077\n")) {
		t.Errorf("its umask is not 0077:\n%s", status)
	}
	check(t, c.Process.Signal(os.Interrupt))
	check(t, c.Wait())
}

// coreLimit is what the kernel says of the core dumps of a process.
func coreLimit(t *testing.T, pid int) string {
	t.Helper()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	check(t, err)
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") {
			return line
		}
	}
	t.Fatalf("no limit of core dumps in:\n%s", limits)
	return ""
}

func leavesNoCore(limit string) bool {
	words := strings.Fields(limit)
	return words[4] == "0" && words[5] == "0"
}

// TestMemoryIsKeptByCommands looks at commands that wait for a secret, which
// each of them reads in its own way.
func TestMemoryIsKeptByCommands(t *testing.T) {
	t.Parallel()
	dir := house(t)
	must(t, dir, "device", "add", "SEP000000000001")
	for _, line := range []string{
		"set online_ca_password --password-file -",
		"set online_ca_client_certificate --file -",
		"device set SEP000000000001 --auth-string-file -",
		"phone enroll SEP000000000001 --server 127.0.0.1:1 --auth-string-file -",
	} {
		c := capfProcess(t, dir, strings.Fields(line)...)
		in, err := c.StdinPipe()
		check(t, err)
		check(t, c.Start())
		limit := ""
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if limit = coreLimit(t, c.Process.Pid); leavesNoCore(limit) {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if !leavesNoCore(limit) {
			t.Errorf("%s: %s", line, limit)
		}
		check(t, in.Close())
		_ = c.Wait() // nothing is no secret
	}
}

// TestNotDumpable asks the kernel about this process, which no other one can.
func TestNotDumpable(t *testing.T) {
	check(t, host.KeepMemory())
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Errorf("dumpable: %d, %v", n, err)
	}
}
