package commands

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"capf/commands/internal/ptytest"
)

// console is a program at a pseudo-terminal, with somebody who types and reads.
type console struct {
	testing.TB
	cmd    *exec.Cmd
	master *os.File
	mute   bool // it answers no question of the program

	mu     sync.Mutex
	seen   bytes.Buffer // guarded by mu
	read   int          // how much of it, without escapes, wait has passed
	ended  bool         // guarded by mu
	exited chan error
}

// atConsole starts a program at a pseudo-terminal of so many columns.
func atConsole(t testing.TB, columns int, cmd *exec.Cmd) *console {
	t.Helper()
	return startConsole(t, columns, cmd, false)
}

// atMuteConsole is atConsole for a terminal that does not say where its cursor
// is, like those of programs that play an operator.
func atMuteConsole(t testing.TB, cmd *exec.Cmd) *console {
	t.Helper()
	return startConsole(t, 80, cmd, true)
}

func startConsole(t testing.TB, columns int, cmd *exec.Cmd, mute bool) *console {
	t.Helper()
	master, slave := ptytest.Open(t, columns)
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	check(t, cmd.Start())
	c := &console{TB: t, cmd: cmd, master: master, mute: mute, exited: make(chan error, 1)}
	go c.watch()
	t.Cleanup(func() {
		cmd.Process.Kill()
		master.Close()
	})
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *console) watch() {
	buf := make([]byte, 4096)
	for answered := 0; ; {
		n, err := c.master.Read(buf)
		c.mu.Lock()
		c.seen.Write(buf[:n])
		c.ended = err != nil
		asked := bytes.Count(c.seen.Bytes(), []byte("\x1b[6n")) // where the cursor is; survey asks that
		c.mu.Unlock()
		for ; answered < asked && !c.mute; answered++ {
			c.master.WriteString("\x1b[24;1R")
		}
		if err != nil {
			break
		}
	}
	c.exited <- c.cmd.Wait()
}

// escapes are what moves the cursor and colours text, and the beginning of one
// that has not arrived in full.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b[78]|\r|\x1b(\\[[0-9;?]*)?$")

// screen is what has been shown since the last wait, without escapes.
func (c *console) screen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return escapes.ReplaceAllString(c.seen.String(), "")[c.read:]
}

func (c *console) typ(keys string) {
	c.Helper()
	if _, err := c.master.WriteString(keys); err != nil {
		c.Fatal(err)
	}
}

// answer types the answer to a question of survey, which loses what is typed
// while it looks where the cursor is: so again, until something comes of it.
func (c *console) answer(keys, want string) {
	c.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		c.typ(keys)
		for range 200 {
			if strings.Contains(c.screen(), want) {
				c.wait(want)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	c.Fatalf("%q is not shown, but\n%s", want, c.screen())
}

// wait waits until a text is shown that has not been waited for, and returns
// what was shown before it.
func (c *console) wait(text string) string {
	c.Helper()
	for deadline := time.Now().Add(patience); ; {
		before, _, found := strings.Cut(c.screen(), text)
		if found {
			c.read += len(before) + len(text)
			return before
		}
		c.mu.Lock()
		ended := c.ended
		c.mu.Unlock()
		if ended || time.Now().After(deadline) {
			c.Fatalf("%q is not shown, but\n%s", text, c.screen())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// code waits for the program to end and returns its exit code.
func (c *console) code() int {
	c.Helper()
	select {
	case <-c.exited:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		c.Fatalf("the program does not end; it shows\n%s", c.screen())
		return -1
	}
}

// capfProcess is this test binary as the program capf, in a folder.
func capfProcess(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Args[0] = "capf"
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CAPF_DB=capf.db", "TERM=xterm", "HOME="+dir, "NO_COLOR=1", "TZ=UTC", "CAPF_PAGER=")
	return cmd
}

// capf runs a command line in a folder and returns its exit code and all that it
// said.
func capf(t testing.TB, dir string, args ...string) (int, string) {
	t.Helper()
	cmd := capfProcess(t, dir, args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// must runs a command line that has to be carried out.
func must(t testing.TB, dir string, args ...string) string {
	t.Helper()
	code, out := capf(t, dir, args...)
	if code != 0 {
		t.Fatalf("capf %q: exit code %d\n%s", args, code, out)
	}
	return out
}
