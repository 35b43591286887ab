package commands

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

var metricsAddress = regexp.MustCompile(`msg="showing metrics" address=(\S+) path=(\S+)`)

// TestServeShowsMetrics lets a phone enroll and looks at the page.
func TestServeShowsMetrics(t *testing.T) {
	t.Parallel()
	dir := house(t)
	must(t, dir, "device", "set", "SEP001122334455", "--operation", "install", "--auth-mode", "null-string")
	c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
	log, err := c.StderrPipe()
	check(t, err)
	check(t, c.Start())
	var page, phones string
	for lines := bufio.NewScanner(log); phones == "" && lines.Scan(); {
		if m := metricsAddress.FindStringSubmatch(lines.Text()); m != nil {
			page = "http://" + m[1] + m[2]
		}
		if _, after, ok := strings.Cut(lines.Text(), "msg=listening addresses=["); ok {
			phones, _, _ = strings.Cut(after, "]")
		}
	}
	go io.Copy(io.Discard, log) // lest serve wait for somebody who reads it
	must(t, dir, "phone", "enroll", "SEP001122334455", "--server", phones, "--out", ".")
	r, err := http.Get(page)
	check(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	check(t, err)
	for _, line := range []string{
		`capf_sessions_total{operation="install",outcome="ok"} 1`, `capf_enrollments_total{issuer="capf",key="rsa-2048"} 1`,
		`capf_issuer_duration_seconds_count{issuer="capf"} 1`, `capf_certificates_installed 1`, `capf_devices{operation="none"} 1`,
		`capf_sessions_total{operation="install",outcome="internal_error"} 0`, `capf_connections_refused_total{reason="max_sessions"} 0`,
		`capf_sessions_total{operation="none",outcome="locked"} 0`, `capf_enrollments_total{issuer="offline-ca",key="ec-384"} 0`,
		`capf_database_readable 1`, `capf_restart_waiting 0`, `capf_devices_locked 0`,
	} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("%s is not on the page", line)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "SEP0011") || strings.HasPrefix(line, "capf_") && strings.Contains(line, "127.0.0.1") {
			t.Errorf("a name or an address on the page: %s", line)
		}
	}
	if code, out := capf(t, dir, "serve", "--listen", "127.0.0.1:0", "--metrics", strings.TrimPrefix(strings.TrimSuffix(page, "/metrics"), "http://")); code != 1 || !strings.Contains(out, "for metrics: ") {
		t.Errorf("a taken address: exit code %d\n%s", code, out)
	}
	check(t, c.Process.Signal(os.Interrupt))
	check(t, c.Wait())
}
