package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDisk: on a disk that is full, and on one that is mounted read-only, questions
// are answered, and a change says which of the two it is. The disk is a real one, of
// memory, in a namespace of its own.
func TestDisk(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no disk can be made here: %v %s", err, out)
		}
		t.Skipf("no disk can be made here, as where users may make no namespaces: %v %s", err, out)
	}
	const full = "the disk is full\nhint: questions are answered, changes are not; free some space"
	const readOnly = "the database is read-only: its filesystem is mounted read-only\nhint: questions are answered, changes are not; dmesg says why"
	for _, test := range []struct{ name, make, status, change string }{
		{"full", "capf device list; cat /dev/zero >disk/fill", "error    the disk of the database is full", full},
		{"full, and the log is left", "cat /dev/zero >disk/fill; rm disk/capf.db-shm; cat /dev/zero >disk/fill2", "error    the disk of the database is full", full},
		{"read-only", "capf device list; mount -o remount,ro disk", "error    the filesystem of the database is read-only", readOnly},
		{"read-only, and the log is left", "rm disk/capf.db-shm; mount -o remount,ro disk", "error    the filesystem of the database is read-only", readOnly},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out := onOwnDisk(t, test.make, "capf device list --csv; capf status; capf check; capf device add SEP001122334466; echo exit $?")
			for _, want := range []string{"\nSEP001122334455,logged,", "\n" + test.status, "nothing is wrong with disk/capf.db", test.change, "exit 1\n"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing:\n%s", want, out)
				}
			}
		})
	}
}

// onOwnDisk makes a database on a disk of its own, whose serve is killed with a
// change in the log, does something to the disk, and returns what the commands say.
func onOwnDisk(t *testing.T, todo, commands string) string {
	t.Helper()
	c := capfProcess(t, t.TempDir())
	check(t, os.Mkdir(filepath.Join(c.Dir, "disk"), 0o700))
	check(t, os.Symlink(c.Path, filepath.Join(c.Dir, "capf")))
	script := `exec 3>&1 >log 2>&1; PATH=$PWD:$PATH; mount -t tmpfs -o size=2m,mode=700 none disk; capf init; capf device add SEP001122334455
		capf serve --listen 127.0.0.1:0 --address-file address & while kill -0 $! && ! [ -s address ]; do sleep 0.05; done
		capf device set SEP001122334455 --description logged; kill -9 $!; wait $!
		` + todo + "\nexec >&3 2>&1; " + commands
	c.Path, c.Args = "/usr/bin/env", []string{"env", "unshare", "-rm", "sh", "-c", script}
	c.Env = append(c.Env, "CAPF_DB=disk/capf.db")
	out, err := c.CombinedOutput()
	check(t, err)
	if log, err := os.ReadFile(filepath.Join(c.Dir, "log")); t.Failed() && err == nil {
		t.Logf("%s", log)
	}
	return string(out)
}

// TestForeignDatabase: who may only read a database and its folder gets answers, and
// hears why a change is refused.
func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, name := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir)} {
		check(t, os.Chmod(name, 0o755))
	}
	// The program of the test is in a folder that others may not enter.
	binary, err := os.ReadFile(capfProcess(t, dir).Path)
	check(t, err)
	program := filepath.Join(filepath.Dir(dir), "capf")
	check(t, os.WriteFile(program, binary, 0o755))
	check(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { check(t, os.Chmod(dir, 0o700)) })
	check(t, os.Chmod(filepath.Join(dir, "capf.db"), 0o444))
	as := func(args ...string) string {
		c := capfProcess(t, dir, args...)
		if os.Geteuid() == 0 { // who may write everywhere
			const nobody = 65534
			c.Path = program
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, _ := c.CombinedOutput() // its words are what is tested
		return string(out)
	}
	if out := as("device", "list", "--csv"); !strings.Contains(out, "\nSEP001122334455,front desk,") {
		t.Errorf("a question: %s", out)
	}
	if out := as("device", "delete", "SEP001122334455", "--yes"); !strings.Contains(out, "the database is read-only: no permission to write to \"capf.db\"\nhint: run it as the user who owns the file\n") {
		t.Errorf("a change: %s", out)
	}
}
