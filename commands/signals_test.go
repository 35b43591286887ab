package commands

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"capf/commands/internal/ptytest"
)

// applying is a house whose configuration is applied by a program that says that
// it has begun and waits until it is let go.
func applying(t *testing.T) (dir, begun string, letGo func()) {
	t.Helper()
	dir = house(t)
	must(t, dir, "device", "add", "SEP001122334466")
	begun, gate := filepath.Join(dir, "begun"), filepath.Join(dir, "gate")
	check(t, unix.Mkfifo(gate, 0o600))
	program := filepath.Join(dir, "apply")
	check(t, os.WriteFile(program, []byte(fmt.Sprintf("#!/bin/sh\necho $1 > %s.new; mv %s.new %s; read x < %s\n", begun, begun, begun, gate)), 0o700))
	must(t, dir, "set", "apply_config_command", program+" {device}")
	return dir, begun, func() {
		f, err := os.OpenFile(gate, os.O_WRONLY, 0)
		check(t, err)
		_, err = f.WriteString("go\n")
		check(t, err)
		check(t, f.Close())
	}
}

// TestHangUp takes the terminal away in the middle of an update: the command
// that runs may end, and the strings that are in force are to be had.
func TestHangUp(t *testing.T) {
	t.Parallel()
	dir, begun, letGo := applying(t)
	cmd := capfProcess(t, dir, "bulk", "update", "SEP001122334455", "--unique-strings", "--apply-config", "--yes")
	c := atConsole(t, 80, cmd)
	awaitFile(t, begun)
	ptytest.HangUp(t, c.master) // the kernel sends SIGHUP,
	check(t, cmd.Process.Signal(syscall.SIGHUP))
	check(t, cmd.Process.Signal(syscall.SIGHUP)) // and the operator's shell does too
	letGo()
	if code := c.code(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if out := must(t, dir, "job", "show", "1"); strings.Contains(out, "interrupted") || !strings.Contains(out, "Done") {
		t.Errorf("the job is\n%s", out)
	}
	must(t, dir, "job", "show", "1", "--strings-file", "strings.csv")
	written, err := os.ReadFile(filepath.Join(dir, "strings.csv"))
	check(t, err)
	if shown := must(t, dir, "device", "show", "SEP001122334455", "--reveal", "--json"); !containsAfter(shown, `"auth_string": "`, string(written)) {
		t.Errorf("the string of\n%s\nis not in\n%s", shown, written)
	}
}

// containsAfter says whether what follows the label, up to a quote, is in text.
func containsAfter(shown, label, text string) bool {
	_, rest, found := strings.Cut(shown, label)
	value, _, _ := strings.Cut(rest, `"`)
	return found && value != "" && strings.Contains(text, value)
}

// TestSignalsAlike sends each signal to a command that takes long: none kills it.
func TestSignalsAlike(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir, begun, letGo := applying(t)
			cmd := capfProcess(t, dir, "bulk", "update", "SEP001122334455", "--pool", "Bonn", "--apply-config", "--yes")
			var said strings.Builder
			cmd.Stderr = &said
			check(t, cmd.Start())
			awaitFile(t, begun)
			check(t, cmd.Process.Signal(sig))
			letGo()
			cmd.Wait()
			// The command that was let go may have been sooner than the signal.
			if code := cmd.ProcessState.ExitCode(); code != 0 && (code != 1 || !strings.Contains(said.String(), "hint: the running serve, or capf job run-due, carries on")) {
				t.Errorf("exit code %d, said %s", code, said.String())
			}
			must(t, dir, "job", "run-due")
			if out := must(t, dir, "job", "show", "1"); !strings.Contains(out, "1 of 1 device changed, configuration of 1 applied") {
				t.Errorf("the job is\n%s", out)
			}
		})
	}
}

// TestNoHangUp holds that what was started to outlive its terminal does.
func TestNoHangUp(t *testing.T) {
	t.Parallel()
	dir, begun, letGo := applying(t)
	self, err := os.Executable()
	check(t, err)
	cmd := capfProcess(t, dir)
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `trap "" HUP; exec "$0" bulk update SEP001122334455 --pool Bonn --apply-config --yes`, filepath.Join(dir, "capf")}
	check(t, os.Symlink(self, filepath.Join(dir, "capf")))
	check(t, cmd.Start())
	awaitFile(t, begun)
	check(t, cmd.Process.Signal(syscall.SIGHUP))
	letGo()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestUnseenStrings ends the reader of strings that are in force.
func TestUnseenStrings(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for line, advice := range map[string]string{
		"bulk update SEP* --unique-strings --replace --yes": "hint: capf job show 1 --strings-file FILE writes them again",
		"device generate-string SEP001122334455":            "hint: capf device show SEP001122334455 --reveal shows it",
		"template add phones --generate-string":             "hint: capf template set phones --generate-string makes another",
	} {
		cmd := capfProcess(t, dir, strings.Fields(line)...)
		read, write, err := os.Pipe()
		check(t, err)
		check(t, read.Close())
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = write, &said
		cmd.Run()
		check(t, write.Close())
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(said.String(), "in force, but could not be shown: ") || !strings.Contains(said.String(), advice) {
			t.Errorf("%s: exit code %d, said %s", line, code, said.String())
		}
	}
}

// silentServer takes connections and says nothing.
func silentServer(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// TestDeadClient lets an SSH client without a terminal die while its line waits:
// neither the line nor the shell stays behind.
func TestDeadClient(t *testing.T) {
	t.Parallel()
	dir := house(t)
	silent := silentServer(t)
	for name, given := range map[string]string{"a line": sshLine + "=", "lines": ""} {
		line := "phone enroll SEP001122334455 --timeout 1h --server " + silent.Addr().String()
		cmd := capfProcess(t, dir, "shell")
		cmd.Env = append(cmd.Env, "SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22")
		keepOpen, lines, err := os.Pipe() // as sshd keeps it for a moment
		check(t, err)
		cmd.Stdin = keepOpen
		if given != "" {
			cmd.Env = append(cmd.Env, given+line)
		} else if _, err := lines.WriteString(line + "\n" + "device delete SEP001122334455 --yes\n"); err != nil {
			t.Fatal(err)
		}
		read, write, err := os.Pipe()
		check(t, err)
		cmd.Stdout, cmd.Stderr = write, write
		check(t, cmd.Start())
		check(t, write.Close())
		conn, err := silent.Accept() // the line waits for this one
		check(t, err)
		check(t, read.Close())
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%s: exit code %d, want 1", name, code)
		}
		check(t, conn.Close())
		check(t, lines.Close())
		check(t, keepOpen.Close())
		must(t, dir, "device", "show", "SEP001122334455")
	}
}
