package commands

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// toJournal gives a program a file for its stderr that it takes for the stream
// of systemd's journal; the function reads what it wrote.
func toJournal(t *testing.T, c *exec.Cmd) func() string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "journal"))
	check(t, err)
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	check(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	c.Stderr = f
	c.Env = append(c.Env, fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino))
	return func() string {
		t.Helper()
		text, err := os.ReadFile(f.Name())
		check(t, err)
		return string(text)
	}
}

// TestJournal holds that in systemd's journal each line has its priority, and
// the time once.
func TestJournal(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"text": "<6>level=INFO msg=listening ", "json": `"msg":"listening"`} {
		dir := t.TempDir()
		socket := filepath.Join(dir, "n")
		next := systemdSocket(t, socket)
		c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0", "--log-format", format)
		c.Env = append(c.Env, "NOTIFY_SOCKET="+socket)
		said := toJournal(t, c)
		check(t, c.Start())
		next() // it is ready
		check(t, c.Process.Signal(os.Interrupt))
		check(t, c.Wait())
		text := said()
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s", format, text)
		}
		for line := range strings.Lines(text) {
			rest, ok := strings.CutPrefix(line, "<6>")
			if !ok || format == "text" && strings.Contains(rest, "time=") {
				t.Errorf("%s: %q", format, line)
			}
			if format == "json" && !json.Valid([]byte(rest)) {
				t.Errorf("no JSON after the priority: %q", line)
			}
		}
	}
}

// TestJournalOfFailure holds that in the journal a failure is an error, and
// that a program whose stderr was led elsewhere writes as ever.
func TestJournalOfFailure(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.Chmod(filepath.Join(dir, "capf.db"), 0o666))
	c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0")
	said := toJournal(t, c)
	if err := c.Run(); err == nil {
		t.Error("it serves what everybody may change")
	}
	if text := said(); !strings.HasPrefix(text, "<3>capf: ") || !strings.Contains(text, "\n<3>hint: chmod 600 ") {
		t.Errorf("%s", text)
	}
	check(t, os.Chmod(filepath.Join(dir, "capf.db"), 0o644))
	c = capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0")
	said = toJournal(t, c)
	check(t, c.Start())
	for start := time.Now(); !strings.Contains(said(), "msg=listening") && time.Since(start) < patience; {
		time.Sleep(10 * time.Millisecond)
	}
	check(t, c.Process.Signal(os.Interrupt))
	check(t, c.Wait())
	if !strings.Contains(said(), "<4>level=WARN ") {
		t.Errorf("a warning is none in the journal: %s", said())
	}
	c = capfProcess(t, dir, "device", "show", "nobody")
	toJournal(t, c)
	c.Stderr = nil
	if out, err := c.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "capf: ") {
		t.Errorf("elsewhere: %s", out)
	}
}

// TestLowPort says what a port of the system needs.
func TestLowPort(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("listening on %q: %w", ":804", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)})
	if got := hint(err); !strings.Contains(got, "CAP_NET_BIND_SERVICE") {
		t.Errorf("hint: %q", got)
	}
}
