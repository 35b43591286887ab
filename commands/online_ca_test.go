package commands

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/enroll/onlineca/catest"
)

// ran runs one command line on the database in the folder.
func ran(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	env := newEnv(strings.NewReader(""), &out, &errs)
	env.Getenv = func(name string) string {
		return map[string]string{"CAPF_DB": filepath.Join(dir, "capf.db"), "SUDO_USER": "olga"}[name]
	}
	code = env.run(t.Context(), append([]string{"capf"}, args...))
	if strings.Contains(out.String()+errs.String(), "hunter-2") {
		t.Errorf("%v shows the password", args)
	}
	return code, out.String(), errs.String()
}

// good demands success.
func good(t *testing.T, dir string, args ...string) (stdout, stderr string) {
	t.Helper()
	code, out, errs := ran(t, dir, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, out, errs)
	}
	return out, errs
}

// TestOnlineCA sets a CA up as an operator does, and asks at each stage what is
// wrong.
func TestOnlineCA(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Templates: []string{"Phones"}, Transport: catest.Transport{
		Login: catest.Login{Username: "phones", Password: "hunter-2", Schemes: []string{"NTLM"}}}})
	ca := s.CA
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	says := func(code int, want string, args ...string) {
		t.Helper()
		got, out, errs := ran(t, dir, args...)
		if got != code || !strings.Contains(out+errs, want) {
			t.Errorf("%v: exit code %d, want %d with %q:\n%s%s", args, got, code, want, out, errs)
		}
	}
	good(t, dir, "init")
	says(0, "hint: capf service activate enrollment", "set", "certificate_issuer", "online-ca")
	says(0, "there is no online CA to ask", "status")
	says(1, "failed  configuration   online_ca_hostname is not set", "online-ca", "test")
	says(4, "not available in FIPS mode", "set", "fips_mode", "true")
	good(t, dir, "set", "online_ca_hostname", s.Host)
	good(t, dir, "set", "online_ca_port", fmt.Sprint(s.Port))
	good(t, dir, "set", "online_ca_username", `TEST\phones`)
	says(2, "never comes as an argument", "set", "online_ca_password", "swordfish")
	says(2, "is missing", "set", "online_ca_password")
	says(2, "is for online_ca_password only", "set", "keep_alive", "--password-file", "x")
	good(t, dir, "set", "online_ca_password", "--password-file", file("password", "hunter-2\n"))
	if out, _ := good(t, dir, "show", "online_ca_password"); !strings.Contains(out, "(set)") {
		t.Errorf("the password is shown as %s", out)
	}
	good(t, dir, "set", "online_ca_hostname", strings.ToUpper(s.Host)) // the same place
	says(0, "warning: online_ca_password was given for a different host or port, and is removed", "set", "online_ca_port", "1")
	good(t, dir, "set", "online_ca_port", fmt.Sprint(s.Port))
	says(1, "online_ca_username is set, but no password", "online-ca", "test")
	good(t, dir, "set", "online_ca_password", "--password-file", file("password", "hunter-2\n"))
	says(0, `"dropped": ["online_ca_password"]`, "set", "online_ca_hostname", "elsewhere.example.com", "--json")
	good(t, dir, "set", "online_ca_hostname", s.Host)
	good(t, dir, "set", "online_ca_password", "--password-file", file("password", "hunter-2\n"))
	says(1, "capf-trust is empty", "online-ca", "test")
	root := filepath.Join(dir, "root.pem")
	says(1, "is not in capf-trust", "cert", "check", "--online", "--ca", root, "--https", filepath.Join(dir, "https.pem"))
	good(t, dir, "cert", "upload", file("ca.pem", string(ca.PEM())), "--purpose", "capf-trust")
	says(0, "case 3", "cert", "check", "--online", "--ca", root)
	if _, err := os.Stat(root); err != nil {
		t.Error(err)
	}
	good(t, dir, "set", "online_ca_template", "Wrong")
	says(1, `failed  template        the CA does not offer template "Wrong"`, "online-ca", "test")
	good(t, dir, "set", "online_ca_template", "Phones")
	says(1, "failed  service", "online-ca", "test")
	good(t, dir, "service", "activate", "enrollment")
	says(0, "ok      issuer trust", "online-ca", "test")
	if len(ca.Made()) != 0 {
		t.Error("a test without --enroll made a certificate")
	}
	says(0, `"step": "enrollment",`+"\n      "+`"ok": true`, "online-ca", "test", "--enroll", "--json")
	if len(ca.Made()) != 1 {
		t.Errorf("a test with --enroll made %d certificates", len(ca.Made()))
	}
	good(t, dir, "set", "online_ca_password", "--password-file", file("password", "swordfish"))
	says(1, "failed  authentication", "online-ca", "test")
	says(0, "online_ca_password is none now", "set", "online_ca_password", "none")
	if data, err := os.ReadFile(filepath.Join(dir, "capf.db")); err != nil || bytes.Contains(data, []byte("hunter-2")) {
		t.Errorf("the database holds the password, or %v", err)
	}
}
