package commands

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/term"

	"capf/commands/internal/ptytest"
	"capf/store"
)

// TestClosedOutput reads one line of a long list and goes away, as head does.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	dir := house(t)
	manyDevices(t, dir, 20000)
	for _, format := range []string{"", "--json", "--csv"} {
		cmd := capfProcess(t, dir, strings.Fields("device list "+format)...)
		out, err := cmd.StdoutPipe()
		check(t, err)
		var said strings.Builder
		cmd.Stderr = &said
		check(t, cmd.Start())
		_, err = bufio.NewReader(io.LimitReader(out, 20)).ReadString('\n')
		if err != nil && err != io.EOF {
			t.Error(err)
		}
		out.Close()
		if err := cmd.Wait(); err != nil || said.Len() > 0 {
			t.Errorf("device list %s: %v, %q", format, err, said.String())
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	check(t, err)
	defer full.Close()
	cmd := capfProcess(t, dir, "device", "list")
	cmd.Stdout = full
	if cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("with a full disk, device list ends with %d", cmd.ProcessState.ExitCode())
	}
}

// manyDevices adds devices past the rules, for the sake of time.
func manyDevices(t *testing.T, dir string, n int) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
	check(t, err)
	defer s.Close()
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for worker := range 64 {
		wg.Go(func() {
			for i := worker; i < n; i += 64 {
				d := store.Device{
					Name: fmt.Sprintf("SEP%012X", i), SecurityMode: store.Nonsecure, IPMode: store.TwoStack, Operation: store.NoOperation,
					AuthMode: store.ByNullString, KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 384, Status: store.StatusNone,
				}
				if _, err := s.AddDevice(t.Context(), store.Actor{Kind: store.System}, d); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
}

// TestInterruptedQuestion answers a question with Ctrl-C: nothing is changed,
// the exit code is 1, and the terminal is as it was.
func TestInterruptedQuestion(t *testing.T) {
	t.Parallel()
	dir := house(t)
	before := freshSettings(t)
	for _, test := range []struct{ line, question string }{
		{"device delete SEP001122334455", "Delete device SEP001122334455?"},
		{"cert regenerate capf", "Replace the CAPF key and certificate?"},
		{"set keep_alive", "keep_alive (5 to 60"},
		{"device set SEP001122334455 --auth-string-prompt", "Authentication string"},
	} {
		certificate := must(t, dir, "cert", "export", "capf")
		c := atConsole(t, 80, capfProcess(t, dir, strings.Fields(test.line)...))
		c.wait(test.question)
		c.answer("\x03", "nothing was changed")
		after := terminalMode(t, c)
		if code := c.code(); code != 1 {
			t.Errorf("%s: exit code %d", test.line, code)
		}
		if before != after {
			t.Errorf("%s: the terminal was %+v and is %+v", test.line, before, after)
		}
		if must(t, dir, "cert", "export", "capf") != certificate {
			t.Errorf("%s: the certificate has changed", test.line)
		}
		must(t, dir, "device", "show", "SEP001122334455")
	}
	if audit := must(t, dir, "audit", "list", "--csv", "--no-header"); strings.Count(audit, "\n") != 2 { // init and device add
		t.Errorf("the record has\n%s", audit)
	}
}

// TestKilledQuestion ends a program that asks for a secret: the terminal, which
// showed none of it, is as it was.
func TestKilledQuestion(t *testing.T) {
	t.Parallel()
	dir := house(t)
	before := freshSettings(t)
	for _, kind := range []string{"xterm", "dumb"} {
		cmd := capfProcess(t, dir, "device", "set", "SEP001122334455", "--auth-string-prompt")
		cmd.Env = append(cmd.Env, "TERM="+kind)
		c := atConsole(t, 80, cmd)
		c.wait("Authentication string")
		check(t, cmd.Process.Signal(syscall.SIGTERM))
		if code := c.code(); code != -1 {
			t.Errorf("%s: exit code %d, not the signal", kind, code)
		}
		if after := terminalMode(t, c); before != after {
			t.Errorf("%s: the terminal was %+v and is %+v", kind, before, after)
		}
	}
}

// TestBinaryAtTerminal keeps from a terminal what would garble it.
func TestBinaryAtTerminal(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, line := range []string{"cert export capf --der", "cert csr capf --der --out -", "csr dump"} {
		c := atConsole(t, 80, capfProcess(t, dir, strings.Fields(line)...))
		c.wait(" to the terminal\nhint: --out FILE writes it to a file")
		if code := c.code(); code != 2 {
			t.Errorf("%s: exit code %d", line, code)
		}
	}
}

// terminalMode is how the terminal is set.
func terminalMode(t *testing.T, c *console) term.State {
	t.Helper()
	s, err := term.GetState(int(c.master.Fd()))
	check(t, err)
	return *s
}

// freshSettings are those of a terminal that nobody has changed.
func freshSettings(t *testing.T) term.State {
	t.Helper()
	master, slave := ptytest.Open(t, 80)
	defer master.Close()
	defer slave.Close()
	return terminalMode(t, &console{master: master})
}

// TestNarrowLists prints at a terminal of twenty columns: lines are whole, the
// terminal wraps them.
func TestNarrowLists(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, line := range []string{"status", "device list", "show", "csr list", "--help"} {
		c := atConsole(t, 20, capfProcess(t, dir, strings.Fields(line)...))
		if code := c.code(); code != 0 {
			t.Errorf("%s: exit code %d", line, code)
		}
	}
}

// TestTwoOperators lets two operators delete and change the same things at the
// same time.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for i := range 8 {
		must(t, dir, "device", "add", fmt.Sprintf("SEP00000000000%d", i))
	}
	codes := make([][2]int, 8)
	var wg sync.WaitGroup
	for operator := range 2 {
		wg.Go(func() {
			for i := range codes {
				cmd := capfProcess(t, dir, "device", "delete", fmt.Sprintf("SEP00000000000%d", i), "--yes")
				cmd.Run()
				codes[i][operator] = cmd.ProcessState.ExitCode()
			}
		})
	}
	wg.Wait()
	for i, c := range codes {
		if c != [2]int{0, 3} && c != [2]int{3, 0} {
			t.Errorf("device %d: exit codes %v, want one 0 and one 3", i, c)
		}
	}
	must(t, dir, "audit", "list", "--verify", "--limit", "1")
}

// TestWindowScript runs a script for the vendor's command line in bash, with
// the link on the PATH.
func TestWindowScript(t *testing.T) {
	t.Parallel()
	dir := house(t)
	self, err := os.Executable()
	check(t, err)
	check(t, os.Symlink(self, filepath.Join(dir, "utils")))
	seedFor(t, dir, "stale", "SEP00112233446B")
	bash := exec.CommandContext(t.Context(), "bash", "-e", "-c", `
utils capf csr count
utils capf csr list
utils capf stale-lsc list | wc -l
utils capf stale-lsc delete all
utils capf stale-lsc view
utils capf set keep_alive 30
utils capf set keep_alive </dev/null && exit 9
[ $? = 2 ] && echo done`)
	bash.Dir = dir
	bash.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CAPF_DB=capf.db")
	out, err := bash.Output()
	if got := string(out); err != nil || got != "0\n2\ndone\n" {
		t.Errorf("%v, stdout is\n%s", err, got)
	}
}
