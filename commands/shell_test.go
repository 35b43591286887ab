package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
)

// house is a folder with a database and a device, and a secret beside it.
func house(t testing.TB) (dir string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	dir = filepath.Join(top, "home")
	check(t, os.Mkdir(dir, 0o700))
	must(t, dir, "init", "--organization", "Example")
	must(t, dir, "device", "add", "SEP001122334455", "--description", "front desk")
	for name, text := range map[string]string{"../secret.pem": "TOPSECRET", "inside.txt": "inside", "sub/deep.txt": "x"} {
		path := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o700))
		check(t, os.WriteFile(path, []byte(text), 0o600))
	}
	check(t, os.Symlink("../secret.pem", filepath.Join(dir, "link.pem")))
	check(t, os.Symlink("..", filepath.Join(dir, "up")))
	check(t, os.Symlink("../new.pem", filepath.Join(dir, "dangling.pem")))
	return dir
}

// TestWaysOut tries to get out of the shell, or to do in it what its privilege
// forbids. No line may run a program, touch a file outside the folder, or tell
// what stands in one.
func TestWaysOut(t *testing.T) {
	t.Parallel()
	dir := house(t)
	before := folderState(t, filepath.Dir(dir))
	for _, test := range []struct {
		privilege int
		line      string
		code      int
		says      string
	}{
		// other programs
		{4, "bash", 2, `there is no command "bash"`},
		{4, "!id", 2, "no command"},
		{4, "/bin/sh -c id", 2, "no command"},
		{4, "csr count; touch ../owned", 2, `no command "count;"`},
		{4, "csr count && touch ../owned", 2, "runs no other program"},
		{4, "csr count & touch ../owned", 2, "runs no other program"},
		{4, "csr count | tee ../owned", 2, "runs no other program"},
		{4, "csr list > ../owned", 2, "runs no other program"},
		{4, "csr list >../owned", 2, "too much"},
		{4, "device add $(touch ../owned)", 2, ""},
		{4, "device add `touch`", 2, "not a device name"},
		{4, "device show ${PATH}", 3, `"${PATH}"`},
		{4, "utils os bash", 2, "only utils capf is known"},
		{4, "utils capf !sh", 2, "no command"},
		{4, "set apply_config_command '/bin/touch ../owned'", 4, "names a program"},
		{4, "set notify_command '/bin/touch ../owned'", 4, "names a program"},
		{4, "set APPLY-CONFIG-COMMAND '/bin/touch ../owned'", 4, "names a program"},
		{4, "bulk update --all --operation install --apply-config --yes", 4, "runs a program"},
		{4, "job run-due", 4, "not available"},
		{4, "master-key rotate --yes", 4, "not available"},
		{4, "/usr/lib/openssh/sftp-server", 2, "no command"},
		{4, "internal-sftp", 2, "no command"},
		{4, "scp -t ..", 2, ""},
		{4, "rsync --server . ..", 2, ""},
		// the system around it
		{4, "shell --privilege 4", 4, "not available"},
		{0, "shell", 4, "not available"},
		{4, "serve --listen 127.0.0.1:0", 4, "not available"},
		{4, "completion bash", 4, "not available"},
		{4, "__complete bash device show ''", 2, "no command"},
		{4, "device list --db ../other.db", 4, "--db is not available"},
		{4, "--db=../other.db device list", 4, "--db is not available"},
		{4, "-db ../other.db device list", 4, "--db is not available"},
		{4, "init --db ../other.db", 4, "--db is not available"},
		// files elsewhere
		{4, "cert upload ../secret.pem --purpose capf-trust", 4, "not available"},
		{4, "cert upload /etc/passwd --purpose capf-trust", 4, "not available"},
		{4, "cert upload link.pem --purpose capf-trust", 4, "not available"},
		{4, "cert upload up/secret.pem --purpose capf-trust", 4, "not available"},
		{4, "cert upload up --purpose capf-trust", 4, "not available"},
		{4, "cert upload sub/../../secret.pem --purpose capf-trust", 4, "not available"},
		{4, "cert upload up/../secret.pem --purpose capf-trust", 4, "not available"},
		{4, "cert upload inside.txt /dev/zero --purpose capf-trust", 4, "not available"},
		{4, "cert export capf --out ../owned", 4, "not available"},
		{4, "cert export capf --out=/tmp/owned", 4, "not available"},
		{4, "cert export capf --out up/owned", 4, "not available"},
		{4, "cert export capf --out dangling.pem", 4, "not available"},
		{4, "cert csr capf -out ../owned", 4, "not available"},
		{4, "csr dump --out ../owned", 4, "not available"},
		{4, "offline import ../secret.pem", 4, "not available"},
		{4, "offline import -- ../secret.pem", 4, "not available"},
		{4, "cert check --ca ../secret.pem --https ../secret.pem", 4, "not available"},
		{4, "device set SEP001122334455 --auth-string-file ../secret.pem", 4, "not available"},
		{4, "phone enroll SEP001122334455 --out .. --server 127.0.0.1:1", 4, "not available"},
		{4, "phone fetch SEP001122334455 --capf-cert ../secret.pem", 4, "not available"},
		{0, "cert export capf --out capf.db", 4, "not available"},
		{0, "cert export capf --out ./capf.db", 4, "not available"},
		{0, "cert export capf --out sub/../capf.db", 4, "not available"},
		{0, "cert export capf --out capf.db-wal", 4, "not available"},
		{0, "cert export capf --out capf.master-key", 4, "not available"},
		{0, "cert export capf --out .bashrc", 4, "not available"},
		{0, "cert export capf --out .ssh/authorized_keys", 4, "not available"},
		{4, "cert upload capf.master-key --purpose capf-trust", 4, "not available"},
		// privileges
		{0, "csr dump", 4, "csr dump needs privilege 1, this session has 0"},
		{0, "offline import inside.txt", 4, "needs privilege 1"},
		{0, "set certificate_issuer offline-ca", 4, "set certificate_issuer needs privilege 4, this session has 0"},
		{0, "set keep_alive_x 5", 4, "needs privilege 4"},
		{0, "device show SEP001122334455 --reveal", 4, "device show --reveal needs privilege 4, this session has 0"},
		{0, "cert check --online", 4, "cert check --online needs privilege 4"},
		{0, "job show 1 --strings-file s.csv", 4, "job show --strings-file needs privilege 4"},
		{0, "job show 1 --sheet s.html", 4, "job show --sheet needs privilege 4"},
		{1, "device show SEP001122334455 --reveal", 4, "needs privilege 4"},
		{1, "device set SEP001122334455 --pool x", 4, "needs privilege 4"},
		{1, "cert upload inside.txt --purpose capf-trust", 4, "needs privilege 4"},
		{1, "cert regenerate capf --yes", 4, "needs privilege 4"},
		{1, "service deactivate capf", 4, "needs privilege 4"},
		{1, "csr delete all --yes", 4, "needs privilege 4"},
		{1, "init", 4, "needs privilege 4"},
	} {
		cmd := capfProcess(t, dir, "shell", "--privilege", fmt.Sprint(test.privilege))
		cmd.Env = append(cmd.Env, sshLine+"="+test.line)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.says) {
			t.Errorf("%s: exit code %d, want %d, %s\n%s", test.line, code, test.code, test.says, out)
		}
		if strings.Contains(string(out), "TOPSECRET") {
			t.Errorf("%s: tells what stands in the file\n%s", test.line, out)
		}
	}
	if after := folderState(t, filepath.Dir(dir)); before != after {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

// folderState lists the files of a folder but for the database, which lines
// may write to.
func folderState(t testing.TB, dir string) (list string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(e.Name(), "capf.db") {
			return err
		}
		info, err := e.Info()
		list += fmt.Sprintln(path, info.Mode(), info.Size())
		return err
	}))
	return list
}

// TestAllowed holds what each privilege has.
func TestAllowed(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, test := range []struct {
		privilege int
		line      string
		says      string
	}{
		{0, "utils capf csr count", "0\n"},
		{0, "csr list", "no request"},
		{0, "utils capf set keep_alive 20", "keep_alive is 20 now"},
		{0, "set keep-alive 20", "already"},
		{0, "stale-lsc delete all", "no certificate is stale"},
		{0, "device list --csv", "front desk"},
		{0, "cert export capf", "BEGIN CERTIFICATE"},
		{0, "cert export capf --out sub/new.pem", ""},
		{0, "cert show capf", "SHA-256"},
		{0, "? ", "quit"},
		{0, "cert ?", "export  write out"},
		{1, "csr dump --out dump.tgz", "no request is waiting"},
		{4, "set certificate_issuer offline-ca", "offline-ca now"},
		{4, "cert upload - --purpose capf-trust", ""},
	} {
		cmd := capfProcess(t, dir, "shell", "--privilege", fmt.Sprint(test.privilege))
		cmd.Env = append(cmd.Env, sshLine+"="+test.line)
		if strings.Contains(test.line, " - ") {
			chain, err := os.ReadFile(filepath.Join(dir, "sub/new.pem"))
			check(t, err)
			cmd.Stdin = strings.NewReader(string(chain))
			cmd.Env = append(cmd.Env, sshLine+"="+test.line+" --foreign-capf --for lsc")
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.says) {
			t.Errorf("%d %s: %v, want %q\n%s", test.privilege, test.line, err, test.says, out)
		}
	}
	help := must(t, dir, "shell", "--help")
	if !strings.Contains(help, "SSH_ORIGINAL_COMMAND") {
		t.Error(help)
	}
	cmd := capfProcess(t, dir, "shell", "--privilege", "0")
	cmd.Env = append(cmd.Env, sshLine+"=help csr")
	out, err := cmd.Output()
	if err != nil || strings.Contains(string(out), "delete") || strings.Contains(string(out), "dump") || !strings.Contains(string(out), "list") {
		t.Errorf("%v, the help at privilege 0 is\n%s", err, out)
	}
}

// TestShellScript reads lines from a pipe.
func TestShellScript(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, test := range []struct {
		lines string
		code  int
		says  string
	}{
		{"csr count\n\n  # a remark\nutils capf csr count\n", 0, "0\n0\n"},
		{"csr count\r\nquit\r\ndevice list\r\n", 0, "0\n"},
		{"device show NOBODY\ncsr count", 3, "0\n"},
		{"csr cuont\ndevice show NOBODY\ncsr count\n", 3, "0\n"},
		{strings.Repeat("x", 70000), 2, ""},
		// What is quoted is an argument, whatever else it would be.
		{"device list '?'\ndevice list \\?\ncsr count\n", 0, "0\n"},
		{"'quit'\ncsr count\n", 2, "0\n"},
		{"'#' remark\ncsr count\n", 2, "0\n"},
		// Bytes that are not UTF-8 are not stored as something else.
		{"device set SEP001122334455 --description M\xfcller\ncsr count", 2, "0\n"},
		{"", 0, ""},
	} {
		cmd := capfProcess(t, dir, "shell")
		cmd.Stdin = strings.NewReader(test.lines)
		out, _ := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != test.code || string(out) != test.says {
			t.Errorf("%.40q: exit code %d, want %d; it says %q", test.lines, code, test.code, out)
		}
	}
	if out := must(t, dir, "device", "show", "SEP001122334455"); !strings.Contains(out, "front desk") {
		t.Errorf("the description has become\n%s", out)
	}
	if code, out := capf(t, dir, "shell", "--privilege", "2"); code != 2 || !strings.Contains(out, "is not 0, 1 or 4") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestShellTerminal is a session at a terminal.
func TestShellTerminal(t *testing.T) {
	t.Parallel()
	dir := house(t)
	c := atConsole(t, 80, capfProcess(t, dir, "shell"))
	c.wait("quit ends")
	c.wait("admin:")
	c.typ("csr count\r")
	c.wait("\n0\n")
	c.wait("admin:")

	// TAB: one command, the commands that are left, a device, a value.
	c.typ("sta\t")
	c.wait("sta")
	c.typ("\t")
	if got := c.wait("stale-lsc  "); !strings.Contains(got, "status  ") {
		t.Errorf("after sta TAB TAB: %q", got)
	}
	c.typ("\x03") // Ctrl-C throws the line away
	c.typ("device set SEP001122334455 --description M\xfcller\r")
	c.wait("capf: the line is not UTF-8\n")
	c.wait("admin:")
	c.typ("device show SEP001122334455\r")
	c.wait("front desk")
	c.wait("admin:")
	c.typ("device sh\t")
	c.wait("device show ")
	c.typ("sep0\t")
	c.wait("SEP001122334455 ")
	c.typ("\r")
	c.wait("front desk")
	c.wait("admin:")
	c.typ("set certificate_issuer off\t\r")
	c.wait("certificate_issuer is offline-ca now")
	c.wait("admin:")
	c.typ("cert check --ca in\t")
	c.wait("inside.txt ")
	c.typ("\x03")

	// ? explains without being a letter, but between quotes.
	c.typ("csr ?")
	c.wait("count   count requests")
	c.wait("admin:csr ")
	c.typ("count\r")
	c.wait("\n0\n")
	c.wait("admin:")
	c.typ("device list 'SEP00112233445?' --csv --no-header\r")
	c.wait("SEP001122334455,front desk")
	c.wait("admin:")

	// The arrow brings the last line back, but never one with a secret.
	c.typ("device set x --auth-string 12345\r")
	c.wait("there is no flag --auth-string")
	c.wait("admin:")
	c.typ("\x1b[A")
	if got := c.wait("--no-header"); strings.Contains(got, "12345") {
		t.Errorf("the history has %q", got)
	}
	c.typ("\x03")

	// A question, its answer, and the terminal as it was.
	c.typ("device delete SEP001122334455\r")
	c.wait("Delete device SEP001122334455?")
	c.answer("n\r", "nothing was changed")
	c.wait("admin:")
	c.typ("device delete SEP001122334455\r")
	c.wait("Delete device SEP001122334455?")
	c.answer("\x03", "nothing was changed")
	c.wait("admin:")
	c.typ("device list --csv --no-header\r")
	c.wait("SEP001122334455,front desk")
	c.wait("admin:")
	c.typ("quit\r")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestNarrowTerminal works in twenty columns, and ends at Ctrl-D.
func TestNarrowTerminal(t *testing.T) {
	t.Parallel()
	c := atConsole(t, 20, capfProcess(t, house(t), "shell", "--privilege", "0"))
	c.wait("admin:")
	c.typ("device list --csv --no-header\r")
	c.wait("front desk")
	c.wait("admin:")
	c.typ("device sh?")
	c.wait("show")
	c.typ("\x03\x04")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestPlaceholders holds that every flag and argument for a file is called so
// in the usage: the shell confines those, and completions complete them.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	var walk func(c *cmdline.Command, path string)
	walk = func(c *cmdline.Command, path string) {
		for i := range c.Commands {
			walk(&c.Commands[i], path+" "+c.Commands[i].Name)
		}
		if c.Commands != nil {
			return
		}
		for _, f := range c.AllFlags() {
			name := f.Names()[0]
			if word := cmdline.FlagPlaceholder(f); word == "" || cmdline.IsFile(word) {
				continue
			}
			for _, part := range []string{"file", "out", "cert", "key", "html", "dir", "folder", "path"} {
				if slices.Contains(strings.Split(name, "-"), part) && !slices.Contains(notFiles, name) {
					t.Errorf("%s --%s: its value is called %s; if it is no file, say so in notFiles", path, name, cmdline.FlagPlaceholder(f))
				}
			}
		}
	}
	walk(tree(nil), "capf")
}

// notFiles only sound as if they took a file.
var notFiles = []string{"key-order", "key-bits"}
