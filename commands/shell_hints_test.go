package commands

import (
	"strings"
	"testing"
)

// TestWordCapf types commands into the shell as documents and hints write them for a
// system shell, and holds that the shell's own hints are without the word.
func TestWordCapf(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, test := range []struct {
		privilege, line string
		code            int
		says, not       string
	}{
		{"0", "capf csr count", 0, "0\n", ""},
		{"0", "utils capf csr count", 0, "0\n", ""},
		{"0", "capf utils capf csr count", 0, "0\n", ""},
		{"0", "capf device show SEP001122334455", 0, "front desk", ""},
		{"0", "capf csr ?", 0, "count", ""},
		{"0", "capf utils capf csr ?", 0, "count", ""},
		{"0", "capf help", 0, "Usage: COMMAND", ""},
		{"0", "capf help csr", 0, "\ncsr COMMAND --help says more", "capf csr"},
		{"0", "capf", 2, "hint: --help lists the commands", ""},
		{"0", "'capf' csr count", 2, `there is no command "capf"`, ""},
		{"0", "capf csr show x", 2, "hint: csr list --state all shows them", "capf csr"},
		{"0", "cert show 99", 3, "hint: cert list shows the ids", "capf cert"},
		{"4", "device add SEP001122334455 --pool other", 4, "hint: device set SEP001122334455 changes it", "capf device"},
		{"0", "help device show", 0, "  device show SEP001122334455", "capf device"},
		// What the shell does not have is for a system shell.
		{"0", "status", 0, "(capf serve, or systemctl start capf)", ""},
	} {
		cmd := capfProcess(t, dir, "shell", "--privilege", test.privilege)
		cmd.Env = append(cmd.Env, sshLine+"="+test.line)
		out, _ := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if code != test.code || !strings.Contains(string(out), test.says) || test.not != "" && strings.Contains(string(out), test.not) {
			t.Errorf("%s: exit code %d, want %d, %q and not %q\n%s", test.line, code, test.code, test.says, test.not, out)
		}
	}
}
