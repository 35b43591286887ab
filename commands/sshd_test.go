package commands

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sshServer is a real sshd on loopback whose only service is capf shell, as
// docs/commands.md shows it.
type sshServer struct {
	testing.TB
	dir  string // of keys and configuration
	home string // in which the shell works
	port string
}

// serveSSH starts sshd on a free port with keys of its own. The limits are flags of the
// shell.
func serveSSH(t testing.TB, limits string) *sshServer {
	t.Helper()
	s := &sshServer{TB: t, home: house(t)}
	s.dir = filepath.Dir(s.home)
	self, err := os.Executable()
	check(t, err)
	check(t, os.Symlink(self, filepath.Join(s.dir, "capf"))) // the test binary is the program by that name
	for _, key := range []string{"host", "client", "stranger"} {
		run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, key))
	}
	public, err := os.ReadFile(filepath.Join(s.dir, "client.pub"))
	check(t, err)
	check(t, os.WriteFile(filepath.Join(s.dir, "authorized_keys"), public, 0o600))
	if os.Geteuid() == 0 {
		check(t, os.MkdirAll("/run/sshd", 0o755)) // sshd of root insists on it
	}
	for range 5 { // the port may be taken between looking for it and using it
		if s.start(limits) {
			return s
		}
	}
	t.Fatal("sshd does not start")
	return nil
}

func (s *sshServer) start(limits string) bool {
	s.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(s, err)
	_, s.port, _ = net.SplitHostPort(free.Addr().String())
	free.Close()
	config := filepath.Join(s.dir, "sshd_config")
	check(s, os.WriteFile(config, fmt.Appendf(nil, `ListenAddress 127.0.0.1:%[1]s
HostKey %[2]s/host
AuthorizedKeysFile %[2]s/authorized_keys
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
DisableForwarding yes
PermitUserEnvironment no
PermitUserRC no
ForceCommand cd %[3]s && exec %[2]s/capf --db capf.db shell %[4]s
`, s.port, s.dir, s.home, limits), 0o600))
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd" // not on everybody's PATH
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "-D", "-e", "-f", config)
	cmd.Stderr = &log
	check(s, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if s.Failed() {
			s.Logf("sshd: %s", log.String())
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+s.port); err == nil {
			conn.Close()
			return true
		}
		select {
		case err := <-ended:
			ended <- err
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// options are those of an SSH client that knows only this server.
func (s *sshServer) options(key string) []string {
	return []string{
		"-F", "none", "-i", filepath.Join(s.dir, key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
		"-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=" + filepath.Join(s.dir, "known_hosts"),
	}
}

// client is an SSH client with options of its own that brings a command line
// along, or none.
func (s *sshServer) client(key, options, line string) *exec.Cmd {
	s.Helper()
	words := append(s.options(key), strings.Fields(options)...)
	words = append(words, "-p", s.port, s.user()+"@127.0.0.1")
	if line != "" {
		words = append(words, line)
	}
	return exec.CommandContext(s.Context(), "ssh", words...)
}

func (s *sshServer) user() string {
	s.Helper()
	me, err := user.Current()
	check(s, err)
	return me.Username
}

// TestSSH uses capf shell as the forced command of a real sshd.
func TestSSH(t *testing.T) {
	t.Parallel()
	s := serveSSH(t, "--privilege 1")
	for _, test := range []struct {
		line string
		code int
		says string
	}{
		{"utils capf csr count", 0, "0\n"},
		{"utils capf stale-lsc delete all", 0, "no certificate is stale"},
		{"device list --json", 0, `"name":"SEP001122334455"`},
		{"device show NOBODY", 3, "not found"},
		{"cuont", 2, "no command"},
		{"device delete SEP001122334455 --yes", 4, "needs privilege 4"},
		{"bash -i", 2, "no command"},
		{"csr count; id", 2, "no command"},
		{"cert export capf --out ../owned", 4, "not available"},
		{"csr dump --out -", 0, "\x1f\x8b"},
		{"set keep_alive 30", 0, "keep_alive is 30 now"},
	} {
		cmd := s.client("client", "-T", test.line)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.says) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s", test.line, code, test.code, test.says, out)
		}
	}
	// What came from where is in the record.
	audit := must(t, s.home, "audit", "list", "--action", "set", "--csv")
	if !strings.Contains(audit, ",127.0.0.1,") || !strings.Contains(audit, "capf set keep_alive 30") {
		t.Errorf("the record has\n%s", audit)
	}
	// Lines from a pipe.
	cmd := s.client("client", "-T", "")
	cmd.Stdin = strings.NewReader("csr count\nutils capf csr count\nquit\n")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "0\n0\n" {
		t.Errorf("lines from a pipe: %v\n%s", err, out)
	}
	if out, err := s.client("stranger", "-T", "csr count").CombinedOutput(); err == nil {
		t.Errorf("a stranger gets in:\n%s", out)
	}
}

// TestSSHRole is a help desk behind sshd: it helps one phone, and a refusal says which
// part of the line is beyond it.
func TestSSHRole(t *testing.T) {
	t.Parallel()
	s := serveSSH(t, "--role helpdesk")
	for _, test := range []struct {
		line string
		code int
		says string
	}{
		{"utils capf device list --csv", 0, "front desk"},
		{"device generate-string SEP001122334455", 0, "has a new authentication string"},
		{"device unlock SEP001122334455", 0, "was not locked"},
		{"device set SEP001122334455 --operation install", 0, "Install/Upgrade is scheduled"},
		{"device set SEP001122334455 --operation install --auth-mode null-string", 4, "device set --auth-mode needs the role operator, this session has helpdesk"},
		{"device show SEP001122334455 --reveal", 4, "device show --reveal needs the role operator"},
		{"set keep_alive 30", 4, "set keep_alive needs the role operator"},
		{"approval list", 0, "nothing waits for approval"},
		{"approval approve 1 --yes", 4, "approval approve needs the role admin"},
		{"shell --role admin", 4, "shell is not available in this shell"},
		{"help device", 0, "unlock"},
	} {
		cmd := s.client("client", "-T", test.line)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.says) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s", test.line, code, test.code, test.says, out)
		}
	}
	cmd := s.client("client", "-tt", "")
	cmd.Env = append(os.Environ(), "TERM=xterm")
	c := atConsole(t, 80, cmd)
	c.wait("admin:")
	c.typ("device un\t")
	c.wait("device unlock ")
	c.typ("SEP\t\r")
	c.wait("was not locked")
	c.wait("admin:")
	c.typ("quit\r")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestSSHWaysOut tries what SSH offers besides command lines.
func TestSSHWaysOut(t *testing.T) {
	t.Parallel()
	s := serveSSH(t, "--privilege 4")
	secret, owned := filepath.Join(s.dir, "secret.pem"), filepath.Join(s.dir, "owned")
	for _, name := range []string{"scp", "scp -O", "sftp"} {
		words := strings.Fields(name)
		remote := s.user() + "@127.0.0.1:" + secret
		args := append(append(words[1:], s.options("client")...), "-P", s.port, remote, owned)
		out, err := exec.CommandContext(t.Context(), words[0], args...).CombinedOutput()
		if err == nil {
			t.Errorf("%s is carried out\n%s", name, out)
		}
	}
	if _, err := os.Stat(owned); err == nil {
		t.Error("a file was fetched")
	}
	if out, err := s.client("client", "-W 127.0.0.1:"+s.port, "").CombinedOutput(); err == nil || strings.Contains(string(out), "SSH-2.0") {
		t.Errorf("a port is forwarded: %v\n%s", err, out)
	}
}

// TestSSHTerminal is a session at a terminal through SSH.
func TestSSHTerminal(t *testing.T) {
	t.Parallel()
	s := serveSSH(t, "--privilege 0")
	cmd := s.client("client", "-tt", "")
	cmd.Env = append(os.Environ(), "TERM=xterm")
	c := atConsole(t, 80, cmd)
	c.wait("admin:")
	c.typ("utils capf device sh\t")
	c.wait("device show ")
	c.typ("SEP\t\r")
	c.wait("front desk")
	c.wait("admin:")
	c.typ("csr dump\r")
	c.wait("needs privilege 1")
	c.wait("admin:")
	c.typ("quit\r")
	if code := c.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestClientWithoutTerminal kills an SSH client whose line waits: the shell and
// its line end, though nothing but a closed stream tells them.
func TestClientWithoutTerminal(t *testing.T) {
	t.Parallel()
	s := serveSSH(t, "--privilege 4")
	silent := silentServer(t)
	client := s.client("client", "-T", "phone enroll SEP001122334455 --timeout 1h --server "+silent.Addr().String())
	check(t, client.Start())
	conn, err := silent.Accept()
	check(t, err)
	defer conn.Close()
	check(t, client.Process.Kill())
	client.Wait()
	check(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the line still waits: %v", err)
	}
}
