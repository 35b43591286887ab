package commands

import (
	"slices"
	"strings"
	"testing"
)

// TestDumbTerminal asks on a terminal that knows no escapes: none is sent to it,
// and none is waited for.
func TestDumbTerminal(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, test := range []struct {
		line, question, answer, want string
		code                         int
	}{
		{"device delete SEP001122334455", "? Delete device SEP001122334455? (y/N) ", "\n", "nothing was changed", 1},
		{"set keep_alive", "? keep_alive (5 to 60 minutes) (15) ", "20\n", "keep_alive is 20 now", 0},
		{"set online_ca_password", "? online_ca_password ", "hunter2\n", "online_ca_password is (set) now", 0},
		{"device delete SEP001122334455", "(y/N) ", "yes\n", "deleted 1 device", 0},
	} {
		cmd := capfProcess(t, dir, strings.Fields(test.line)...)
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "NO_COLOR") || strings.HasPrefix(v, "TERM=") })
		cmd.Env = append(cmd.Env, "TERM=dumb")
		c := atConsole(t, 80, cmd)
		c.wait(test.question)
		c.typ(test.answer)
		c.wait(test.want)
		if code := c.code(); code != test.code {
			t.Errorf("%s: exit code %d, want %d", test.line, code, test.code)
		}
		if seen := c.seen.String(); strings.Contains(seen, "\x1b") || strings.Contains(seen, "hunter2") {
			t.Errorf("%s: the terminal was sent %q", test.line, seen)
		}
	}
}

// TestMuteTerminal asks on terminals that do not say where their cursor is: in
// capf shell, where Ctrl-C and Ctrl-D are no answer, and the shell goes on.
func TestMuteTerminal(t *testing.T) {
	t.Parallel()
	dir := house(t)
	cmd := capfProcess(t, dir, "shell")
	cmd.Env = append(cmd.Env, "TERM=vt100")
	c := atMuteConsole(t, cmd)
	const question = "? Delete device SEP001122334455? (y/N) "
	for _, test := range []struct{ answer, says string }{
		{"\x03", "interrupted: nothing was changed"},
		{"\x04", "no answer: nothing was changed"},
		{"\n", "declined: nothing was changed"},
		{"\x1b[24;1Ryes\n", "deleted 1 device"}, // the terminal's answer, too late
	} {
		c.wait("admin:")
		c.typ("device delete SEP001122334455\r")
		c.wait(question)
		c.typ(test.answer)
		c.wait(test.says)
	}
	c.wait("admin:")
	c.typ("quit\r")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
