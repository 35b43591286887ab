package commands

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca/catest"
)

// awaitFile waits until a process has written a file.
func awaitFile(t *testing.T, name string) string {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(name); err == nil && strings.HasSuffix(string(text), "\n") {
			return strings.TrimSpace(string(text))
		}
	}
	t.Fatalf("%s does not come", name)
	return ""
}

// TestKilledAtCA kills serve while the online CA has something of it in hand.
// The next one takes it up at once, and never asks again for what the CA may
// have.
func TestKilledAtCA(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, method, path, state, reason string }{
		{"before the answer", http.MethodPost, "certfnsh.asp", "rejected", "ended before the answer came"},
		{"before the certificate", http.MethodGet, "certnew.cer", "issued", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reached, release := make(chan struct{}), make(chan struct{})
			once, letGo := sync.OnceFunc(func() { close(reached) }), sync.OnceFunc(func() { close(release) })
			defer letGo()
			var posts atomic.Int64
			ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					posts.Add(1)
					_ = r.ParseForm() // the CA has all of it, whatever becomes of the connection
				}
				if r.Method == test.method && strings.HasSuffix(r.URL.Path, test.path) {
					once()
					<-release
				}
				return false
			}}})
			dir := house(t)
			asksOnline(t, dir, ca)
			must(t, dir, "device", "set", "SEP001122334455", "--operation", "install", "--auth-mode", "null-string")
			serve := serving(t, dir, "first")
			phone := capfProcess(t, dir, "phone", "enroll", "SEP001122334455", "--server", awaitFile(t, filepath.Join(dir, "first")), "--out", ".",
				"--attempts", "1", "--timeout", patience.String()) // a phone that comes again sends another request
			check(t, phone.Start())
			<-reached
			check(t, serve.Process.Kill())
			serve.Wait()
			phone.Process.Kill()
			phone.Wait()
			letGo()
			serving(t, dir, "second")
			var shown string
			// The CA may still be at the certificate when the second serve has decided.
			for deadline := time.Now().Add(patience); !strings.Contains(shown, `"state": "`+test.state+`"`) || len(ca.CA.Made()) == 0; time.Sleep(50 * time.Millisecond) {
				if shown = must(t, dir, "csr", "show", "1", "--json"); time.Now().After(deadline) {
					t.Fatalf("the request is not %s:\n%s", test.state, shown)
				}
			}
			if made := len(ca.CA.Made()); !strings.Contains(shown, test.reason) || posts.Load() != 1 || made != 1 {
				t.Errorf("%d requests have reached the CA, which made %d certificates:\n%s", posts.Load(), made, shown)
			}
		})
	}
}

// asksOnline has capf ask the CA for certificates.
func asksOnline(t *testing.T, dir string, s *catest.Certsrv) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(dir, "ca.pem"), s.CA.PEM(), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "password"), []byte(catest.Password+"\n"), 0o600))
	must(t, dir, "cert", "upload", "ca.pem", "--purpose", "capf-trust")
	for name, value := range map[string]string{
		"online_ca_hostname": s.Host, "online_ca_port": fmt.Sprint(s.Port), "online_ca_username": catest.User,
		"online_ca_template": "Phones", "certificate_issuer": "online-ca",
	} {
		must(t, dir, "set", name, value)
	}
	must(t, dir, "set", "online_ca_password", "--password-file", "password")
	must(t, dir, "service", "activate", "enrollment")
}

// serving starts a serve that writes its address into the file.
func serving(t *testing.T, dir, file string) *exec.Cmd {
	t.Helper()
	c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0", "--address-file", file)
	check(t, c.Start())
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}
