package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/enroll/audit"
)

// inShell carries out one line of a shell in the folder.
func inShell(t testing.TB, dir string, privilege int, line string) (code int, said string) {
	t.Helper()
	cmd := capfProcess(t, dir, "shell", "--privilege", fmt.Sprint(privilege))
	cmd.Env = append(cmd.Env, sshLine+"="+line, "SUDO_USER=olga")
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestShellOverwrites: below privilege 4 a file that is there is kept without
// --force, and one that the shell has not made, or that somebody has changed
// since, with it too.
func TestShellOverwrites(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.WriteFile(filepath.Join(dir, "report.html"), []byte("somebody's"), 0o644))
	check(t, os.Link(filepath.Join(dir, "capf.db"), filepath.Join(dir, "other.pem")))
	check(t, os.Mkdir(filepath.Join(dir, ".ssh"), 0o700))
	check(t, os.Symlink(".ssh", filepath.Join(dir, "keys")))
	for _, test := range []struct {
		privilege int
		line      string
		code      int
		says      string
	}{
		{0, "cert export capf --out inside.txt", 4, "was not made by this shell"},
		{0, "cert export capf --out inside.txt --force", 4, "was not made by this shell"},
		{1, "csr dump --out inside.txt --force", 4, "was not made by this shell"},
		{0, "report expiry --html report.html --force", 4, "was not made by this shell"},
		{0, "cert export capf --out other.pem --force", 4, "not available"},
		{4, "cert export capf --out other.pem --force", 4, "not available"},
		{4, "cert upload other.pem --purpose capf-trust", 4, "not available"},
		{4, "cert export capf --out keys/authorized_keys", 4, "not available"},
		{4, "backup other.pem --yes", 4, "not available"},
		{4, "backup keys/backup.db", 4, "not available"},
		{1, "offline import other.pem", 4, "not available"},
		{1, "offline import up", 4, "not available"},
		{0, "cert export capf --out new.pem", 0, ""},
		{0, "cert export capf --out new.pem", 4, "--force replaces it"},
		{0, "cert export capf --out new.pem --force", 0, ""},
		{1, "csr dump --out sub/dump.tgz", 0, ""},
		{1, "csr dump --out sub/dump.tgz", 4, "--force replaces it"},
		{1, "csr dump --out sub/dump.tgz --force", 0, ""},
		{0, "report expiry --html sub/page.html", 0, ""},
		{0, "report expiry --html sub/page.html --force", 0, ""},
		{4, "cert export capf --out report.html", 0, ""}, // as outside of the shell
		{4, "backup copy.db", 0, "SHA-256"},
	} {
		if code, said := inShell(t, dir, test.privilege, test.line); code != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%d %s: exit code %d, want %d, %s\n%s", test.privilege, test.line, code, test.code, test.says, said)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "inside.txt")); err != nil || string(text) != "inside" {
		t.Errorf("inside.txt is %q, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "copy.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}
	must(t, dir, "restore", "copy.db", "--dry-run")
	check(t, os.WriteFile(filepath.Join(dir, "new.pem"), []byte("changed since"), 0o644))
	if code, said := inShell(t, dir, 0, "cert export capf --out new.pem --force"); code != 4 || !strings.Contains(said, "was not made by this shell") {
		t.Errorf("exit code %d\n%s", code, said)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %q, %v", left, err)
	}
}

// TestShellFolder: the shell works only in a folder of its user.
func TestShellFolder(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.Chmod(dir, 0o777))
	if code, said := inShell(t, dir, 0, "csr count"); code != 4 || !strings.Contains(said, "everybody may write to it") {
		t.Errorf("exit code %d\n%s", code, said)
	}
	check(t, os.Chmod(dir, 0o770))
	if code, said := inShell(t, dir, 0, "csr count"); code != 0 {
		t.Errorf("exit code %d\n%s", code, said)
	}
	if os.Geteuid() == 0 {
		check(t, os.Chown(dir, 12345, -1))
		if code, said := inShell(t, dir, 0, "csr count"); code != 4 || !strings.Contains(said, "it belongs to user 12345, not to root") {
			t.Errorf("exit code %d\n%s", code, said)
		}
	}
}

// TestShellRefusalsAreEvents, of which there are so many in a time and no more.
func TestShellRefusalsAreEvents(t *testing.T) {
	t.Parallel()
	dir := house(t)
	inShell(t, dir, 0, "device set SEP001122334455 --pool x")
	inShell(t, dir, 4, "cert upload link.pem --purpose capf-trust")
	for name, text := range map[string]string{
		"trust.yaml": "version: 1\ncertificates:\n  - {file: ../trust.pem, purposes: [capf-trust]}\n  - {file: more.pem, purposes: [capf-trust]}\n",
		"set.yaml":   "version: 1\nparameters:\n  online_ca_password: {file: /etc/passwd}\n",
	} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	inShell(t, dir, 4, "cert apply trust.yaml")
	inShell(t, dir, 4, "set --from set.yaml")
	inShell(t, dir, 4, "device list")
	out := must(t, dir, "audit", "list", "--csv", "--no-header")
	for _, want := range []string{"device set needs privilege 4", "file \"\"link.pem\"\" is not available", "\"\"../trust.pem\"\" is not available", "\"\"/etc/passwd\"\" is not available", "olga", "shell-refused"} {
		if !strings.Contains(out, want) {
			t.Errorf("the record has no %s:\n%s", want, out)
		}
	}
	cmd := capfProcess(t, dir, "shell", "--privilege", "0")
	cmd.Stdin = strings.NewReader(strings.Repeat("device delete all --yes\n", 50))
	_, _ = cmd.CombinedOutput()
	cmd = capfProcess(t, dir, "shell", "--privilege", "0")
	cmd.Stdin = strings.NewReader("device delete all --yes\n")
	_, _ = cmd.CombinedOutput()
	if n := strings.Count(must(t, dir, "audit", "list", "--csv", "--no-header"), "shell-refused"); n != 4+audit.RefusalsOfOne {
		t.Errorf("%d refusals are recorded", n)
	}
}

// TestShellFolderUpload: a link in a folder that is taken whole leads nowhere
// else either.
func TestShellFolderUpload(t *testing.T) {
	t.Parallel()
	dir := house(t)
	must(t, dir, "cert", "export", "capf", "--out", "../secret.pem")
	check(t, os.Symlink("../../secret.pem", filepath.Join(dir, "sub", "link.pem")))
	for _, line := range []string{"cert upload sub --purpose capf-trust --foreign-capf", "offline import sub"} {
		_, said := inShell(t, dir, 4, line)
		if out := must(t, dir, "cert", "list", "--csv"); strings.Contains(out, "capf-trust") && !strings.Contains(said, "link") {
			t.Errorf("%s: %s\n%s", line, said, out)
		}
		if line[0] == 'c' && !strings.Contains(said, "not available in this shell") {
			t.Errorf("%s: %s", line, said)
		}
	}
}
