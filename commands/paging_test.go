package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// paged is a command whose pager would number the lines.
func paged(t *testing.T, dir, line string, environ ...string) *exec.Cmd {
	t.Helper()
	cmd := capfProcess(t, dir, strings.Fields(line)...)
	cmd.Env = append(append(cmd.Env, "CAPF_PAGER=cat -n"), environ...)
	return cmd
}

func isNumbered(lines []string) bool { return strings.HasPrefix(strings.TrimSpace(lines[0]), "1\t") }

// TestPager has what is longer than the screen, of 24 lines, and what is not.
func TestPager(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	for line, want := range map[string]bool{
		"csr list":                           true,
		"device history SEP000000000001":     false, // a few lines
		"audit list":                         true,
		"report operations":                  true,
		"device list --json":                 true,
		"show":                               true,
		"csr show 1":                         false,
		"bulk update --help":                 true,
		"--help":                             true,
		"csr --help":                         false,
		"csr list --no-pager":                false,
		"bulk update --help --no-pager":      false,
		"csr delete all --dry-run":           false, // what changes something may ask
		"device list SEP00000000001?":        false,
		"device show SEP000000000001 --json": true,
	} {
		if lines := shownAt(t, 80, paged(t, dir, line)); isNumbered(lines) != want {
			t.Errorf("%s through the pager: %v, want %v:\n%.400s", line, !want, want, strings.Join(lines, "\n"))
		}
	}
	// What is said of the list comes on the same screen, after it.
	lines := shownAt(t, 80, paged(t, dir, "device list"))
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "202\t3 columns left out; --wide shows all" {
		t.Errorf("the last line is %q", last)
	}
}

// TestNoPager has who wants none, and where there can be none.
func TestNoPager(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	for _, v := range []string{"CAPF_PAGER=", "CAPF_PAGER=cat", "TERM=dumb", "TERM="} {
		if lines := shownAt(t, 80, paged(t, dir, "csr list", v)); isNumbered(lines) || len(lines) != 202 {
			t.Errorf("%s: %d lines, first %q", v, len(lines), lines[0])
		}
	}
	piped := paged(t, dir, "csr list")
	out, err := piped.Output()
	if check(t, err); isNumbered(strings.Split(string(out), "\n")) {
		t.Error("a pager in a pipe")
	}
	check(t, os.Symlink(piped.Path, filepath.Join(dir, "capf")))
	script := paged(t, dir, "csr list")
	script.Args = []string{"sh", "-c", "./capf csr list </dev/null"}
	script.Path, err = exec.LookPath("sh")
	check(t, err)
	if lines := shownAt(t, 80, script); isNumbered(lines) {
		t.Error("a pager although nobody can type")
	}
	check(t, os.Chmod(dir, 0o700))
	shell := atConsole(t, 80, paged(t, dir, "shell"))
	shell.wait("admin:")
	shell.typ("csr list\r")
	if shown := shell.wait("1 column left out"); strings.Contains(shown, "1\tID") {
		t.Errorf("a pager in capf shell:\n%.300s", shown)
	}
	shell.typ("quit\r")
	shell.code()
}

// TestNoSecretIsPaged has a screen on which even one device does not fit.
func TestNoSecretIsPaged(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	must(t, dir, "device", "generate-string", "SEP000000000001")
	for line, want := range map[string]bool{"device show SEP000000000001": true, "device show SEP000000000001 --reveal": false} {
		if lines := shownAt(t, 80, paged(t, dir, line, "LINES=4")); isNumbered(lines) != want {
			t.Errorf("%s through the pager: %v", line, !want)
		}
	}
}

// TestWhichPager has the programs that the environment names.
func TestWhichPager(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	unset := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "CAPF_PAGER=") })
		return cmd
	}
	if lines := shownAt(t, 80, unset(paged(t, dir, "csr list", "PAGER=cat -n"))); !isNumbered(lines) {
		t.Errorf("PAGER is not obeyed: %q", lines[0])
	}
	lines := shownAt(t, 80, paged(t, dir, "csr list", "CAPF_PAGER=no-such-pager -x"))
	if last := lines[len(lines)-1]; len(lines) != 203 || last != `warning: the pager "no-such-pager" could not be run: executable file not found in $PATH` {
		t.Errorf("without its pager: %d lines, the last %q", len(lines), last)
	}
	empty := t.TempDir()
	if lines := shownAt(t, 80, unset(paged(t, dir, "csr list", "PATH="+empty))); len(lines) != 202 {
		t.Errorf("without less: %d lines", len(lines))
	}
	// It gets what keeps less from running programs, and gives up early.
	environ := strings.Join(shownAt(t, 80, paged(t, dir, "csr list", "CAPF_PAGER=env", "LESSOPEN=|evil %s")), "\n")
	for _, v := range []string{"\nLESSSECURE=1", "\nLESS=FRX"} {
		if !strings.Contains("\n"+environ, v) {
			t.Errorf("the pager's environment lacks%s", v)
		}
	}
	if strings.Contains(environ, "LESSOPEN") {
		t.Error("the pager has LESSOPEN")
	}
}

// TestPagerOfOthers: who runs capf as somebody else chooses no program, neither by PATH
// nor through less.
func TestPagerOfOthers(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/bin/less"); err != nil {
		t.Fatal("less is not installed")
	}
	dir, home := crowded(t), t.TempDir()
	check(t, os.WriteFile(filepath.Join(home, "less"), []byte("#!/bin/sh\necho chosen by PATH; exec cat >/dev/null\n"), 0o700))
	c := atConsole(t, 80, paged(t, dir, "csr list", "SUDO_UID=1000", "PATH="+home+":"+os.Getenv("PATH"), "HOME="+home,
		"LESS=RX +!touch${IFS}"+home+"/ran", "LESSSECURE=", "LESSSECURE_ALLOW=shell,pipe,logfile,edit", "LESSKEYIN="+home+"/less"))
	if shown := c.wait("SEP000000000010"); strings.Contains(shown, "chosen") || isNumbered([]string{shown}) {
		t.Errorf("through sudo: %.300s", shown)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", childOf(t, c.cmd.Process.Pid)))
	check(t, err)
	for v := range strings.SplitSeq(strings.TrimSuffix(string(environ), "\x00"), "\x00") {
		if name, _, _ := strings.Cut(v, "="); !slices.Contains([]string{"TERM", "LANG", "TZ", "COLUMNS", "LINES", "LESS", "LESSSECURE", "LESSHISTFILE", "LV"}, name) && !strings.HasPrefix(name, "LC_") {
			t.Errorf("less has %s", v)
		}
	}
	c.typ("q")
	c.code()
	if _, err := os.Stat(filepath.Join(home, "ran")); err == nil {
		t.Error("less has run another program")
	}
}

// childOf is the process that another one has started.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	check(t, err)
	for _, file := range children {
		text, err := os.ReadFile(file)
		check(t, err)
		if child, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return child
		}
	}
	t.Fatal("no program has been started")
	return 0
}

// TestPagerIsLeft has people who quit before the end, and a signal.
func TestPagerIsLeft(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	lines := shownAt(t, 80, paged(t, dir, "device list --json", "CAPF_PAGER=head -n 2"))
	if len(lines) != 2 {
		t.Errorf("a pager that shows two lines shows %q", lines)
	}
	c := atConsole(t, 80, paged(t, dir, "csr list", "CAPF_PAGER=sh wait"))
	check(t, os.WriteFile(filepath.Join(dir, "wait"), []byte("echo here; read line; sed 1q; cat >/dev/null; read line </dev/tty; echo bye\n"), 0o600))
	c.wait("SEP")
	check(t, c.cmd.Process.Signal(syscall.SIGTERM))
	c.typ("\r")
	c.wait("bye")
	c.code()
	if status := c.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
		t.Errorf("it has ended with %v", c.cmd.ProcessState)
	}
}

// TestLess reads a list with less itself.
func TestLess(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("less"); err != nil {
		t.Fatal("less is not installed")
	}
	dir := crowded(t)
	c := atConsole(t, 80, paged(t, dir, "csr list", "CAPF_PAGER=less"))
	c.wait("SEP000000000010")
	c.typ("G")
	c.wait(fmt.Sprintf("SEP%012X", 199))
	c.typ("q")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
