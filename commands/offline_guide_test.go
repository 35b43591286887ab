package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// guide is a folder in which the commands of a guide are carried out, with a
// database and a listener of its own.
type guide struct {
	*testing.T
	dir      string
	sections map[string]string // heading to commands
	server   string
	env      []string // what the commands find in their environment besides
}

func newGuide(t *testing.T, file string) *guide {
	t.Helper()
	g := &guide{T: t, dir: t.TempDir(), sections: shellOf(t, file)}
	scripts, err := filepath.Abs("../scripts")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(scripts, filepath.Join(g.dir, "scripts")); err != nil {
		t.Fatal(err)
	}
	g.sh("capf init --organization Acme --country DE")
	serve := g.command("capf", "serve", "--listen", "127.0.0.1:0", "--address-file", "address", "--grace", "1s")
	var log bytes.Buffer
	serve.Stderr = &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		serve.Process.Signal(os.Interrupt)
		if err := serve.Wait(); err != nil || t.Failed() {
			t.Errorf("serve ended with %v:\n%s", err, log.Bytes())
		}
	})
	g.findServer()
	return g
}

// findServer waits for the address on which serve listens.
func (g *guide) findServer() {
	g.Helper()
	g.eventually("serve listens", func() bool {
		data, err := os.ReadFile(filepath.Join(g.dir, "address"))
		g.server = strings.TrimSpace(string(data))
		return err == nil
	})
}

// shellOf is the shell code of a Markdown file, section by section.
func shellOf(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections, heading, code := map[string]string{}, "", false
	for line := range strings.Lines(string(text)) {
		switch {
		case code && strings.HasPrefix(line, "```"):
			code = false
		case code:
			sections[heading] += line
		case strings.HasPrefix(line, "```sh"):
			code = true
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(line[3:])
		}
	}
	return sections
}

func (g *guide) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = g.dir
	c.Env = append(os.Environ(), "CAPF_DB="+filepath.Join(g.dir, "capf.db"), "HOME="+g.dir, "LC_ALL=C", "TZ=UTC")
	c.Env = append(c.Env, g.env...)
	return c
}

// sh carries out shell code and returns what it prints.
func (g *guide) sh(code string) string {
	g.Helper()
	out, err := g.command("sh", "-euc", code).CombinedOutput()
	if err != nil {
		g.Fatalf("%s\n%s%v", code, out, err)
	}
	return string(out)
}

// follow carries out the commands under a heading.
func (g *guide) follow(heading string) string {
	g.Helper()
	if g.sections[heading] == "" {
		g.Fatalf("the guide has no commands under %q", heading)
	}
	return g.sh(g.sections[heading])
}

func (g *guide) eventually(what string, holds func() bool) {
	g.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.Fatalf("%s: it has not come to that", what)
}

// phone enrols in the background; the function waits for its certificate.
func (g *guide) phone(name string, flags ...string) (wait func()) {
	g.Helper()
	c := g.command("capf", append([]string{"phone", "enroll", name, "--server", g.server}, flags...)...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		g.Fatal(err)
	}
	return func() {
		g.Helper()
		if err := c.Wait(); err != nil {
			g.Errorf("phone %s: %v\n%s", name, err, said.Bytes())
		}
	}
}

func (g *guide) pending(n int) {
	g.Helper()
	g.eventually(fmt.Sprint(n, " requests wait"), func() bool { return g.sh("capf csr count") == fmt.Sprintln(n) })
}

// verify asks openssl about the certificate and the key of a phone.
func (g *guide) verify(name string) {
	g.Helper()
	g.sh(`openssl verify -x509_strict -CAfile ca/root.pem -untrusted ca/intermediate.pem ` + name + `.pem
		openssl x509 -in ` + name + `.pem -noout -pubkey >a; openssl pkey -in ` + name + `.key -pubout >b; cmp a b`)
}

// TestOfflineGuide follows docs/offline-ca.md, with phones that wait: two
// rounds with openssl as the CA, with requests and with bare public keys.
func TestOfflineGuide(t *testing.T) {
	t.Parallel()
	g := newGuide(t, "../docs/offline-ca.md")
	g.follow("Prepare")
	signing := []string{"SEP001122334455", "SEP00AABBCCDDEE", "CSFALICE"}
	waits := []func(){
		g.phone(signing[0], "--progress"), g.phone(signing[1]), g.phone(signing[2], "--protocol", "2"),
	}
	g.pending(len(signing))
	listed := g.follow("Export")
	for _, file := range []string{"SEP001122334455.csr", "SEP00AABBCCDDEE.pub", "CSFALICE.csr", "manifest.json"} {
		if !strings.Contains(listed, "\n"+file+"\n") {
			t.Errorf("%s is not in the archive:\n%s", file, listed)
		}
	}
	g.follow("Have them signed")
	planned := g.follow("Import")
	for _, wait := range waits {
		wait()
	}
	if n := strings.Count(planned, "  imported\n"); n != 2*len(signing) || !strings.Contains(planned, "\n3 imported\n") {
		t.Errorf("the imports said\n%s", planned)
	}
	for _, name := range signing {
		g.verify(name)
	}
	subject := g.sh("openssl x509 -in SEP001122334455.pem -noout -subject -ext subjectAltName,keyUsage -nameopt RFC2253")
	if want := "subject=CN=SEP001122334455,O=Acme,C=DE\n"; !strings.HasPrefix(subject, want) || !strings.Contains(subject, "DNS:SEP001122334455") {
		t.Errorf("the certificate has\n%s", subject)
	}

	// One phone says that it does not sign, one hangs up when it is asked to.
	g.sh(`capf device add SEP000000000001 --operation install
		capf device add SEP000000000002 --operation install --key-order ec
		capf phone enroll SEP000000000002 --server ` + g.server + ` --possession drop --attempts 1 && exit 1 || true`)
	waits = []func(){g.phone("SEP000000000001", "--possession", "refuse"), g.phone("SEP000000000002", "--possession", "drop")}
	g.pending(2)
	g.follow("Phones that do not sign requests")
	for _, wait := range waits {
		wait()
	}
	g.verify("SEP000000000001")
	g.verify("SEP000000000002")
	if count := g.sh("capf csr count; capf device list --failed 2>/dev/null"); count != "0\n" {
		t.Errorf("at the end there is\n%s", count)
	}
}
