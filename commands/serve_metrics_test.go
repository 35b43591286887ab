package commands

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
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
	c, page, phones := servedMetrics(t, dir, "--listen", "127.0.0.1:0")
	must(t, dir, "phone", "enroll", "SEP001122334455", "--server", phones, "--out", ".")
	text := fetched(t, page)
	for _, line := range []string{
		`capf_sessions_total{operation="install",outcome="ok"} 1`, `capf_enrollments_total{issuer="capf",key="rsa-2048"} 1`,
		`capf_issuer_duration_seconds_count{issuer="capf"} 1`, `capf_certificates_installed 1`, `capf_devices{operation="none"} 1`,
		`capf_sessions_total{operation="install",outcome="internal_error"} 0`, `capf_connections_refused_total{reason="max_sessions"} 0`, `capf_provision_requests_total{outcome="sent",protocol="tftp"} 0`, `capf_provision_sent_bytes_total{protocol="http"} 0`,
		`capf_sessions_total{operation="none",outcome="locked"} 0`, `capf_enrollments_total{issuer="offline-ca",key="ec-384"} 0`,
		`capf_database_readable 1`, `capf_restart_waiting 0`, `capf_devices_locked 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is not on the page", line)
		}
	}
	for line := range strings.Lines(text) {
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

// servedMetrics starts serve, and returns it with the addresses of its metrics and for
// phones.
func servedMetrics(t *testing.T, dir string, flags ...string) (c *exec.Cmd, page, phones string) {
	t.Helper()
	c = capfProcess(t, dir, append([]string{"serve", "--metrics", "127.0.0.1:0"}, flags...)...)
	log, err := c.StderrPipe()
	check(t, err)
	check(t, c.Start())
	for lines := bufio.NewScanner(log); phones == "" && lines.Scan(); {
		if m := metricsAddress.FindStringSubmatch(lines.Text()); m != nil {
			page = "http://" + m[1] + m[2]
		}
		if _, after, ok := strings.Cut(lines.Text(), "msg=listening addresses=["); ok {
			phones, _, _ = strings.Cut(after, "]")
		}
	}
	go io.Copy(io.Discard, log) // lest serve wait for somebody who reads it
	return c, page, phones
}

func fetched(t *testing.T, page string) string {
	t.Helper()
	r, err := http.Get(page)
	check(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	check(t, err)
	return string(text)
}

// TestPortWaitsForRestart changes the port while serve listens on the one before: it is
// found, counted, and in force after the restart that the last line of set names. Each
// serve is scraped once, as the facts on its page are as old as the scrape before.
func TestPortWaitsForRestart(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		dir, page, old, next, stop := portChanged(t)
		defer stop()
		found := regexp.MustCompile(`(?m)^warning  serve \(pid \d+ on .*\) still uses capf_phone_port ` + old + `; it is ` + next + ` since 20.* \(capf service restart capf\)$`)
		if said := must(t, dir, "status"); !found.MatchString(said) {
			t.Errorf("status: %s", said)
		}
		if !strings.Contains(fetched(t, page), "\ncapf_restart_waiting 1\n") {
			t.Error("the change that waits is not counted")
		}
	})
	t.Run("after", func(t *testing.T) {
		t.Parallel()
		dir, page, _, next, stop := portChanged(t)
		defer stop()
		must(t, dir, "service", "restart", "capf")
		if said := must(t, dir, "status"); strings.Contains(said, "still uses") {
			t.Errorf("status: %s", said)
		}
		if !strings.Contains(fetched(t, page), "\ncapf_restart_waiting 0\n") {
			t.Error("what waits no longer is counted")
		}
		phone, err := net.Dial("tcp", "127.0.0.1:"+next)
		check(t, err)
		check(t, phone.Close())
	})
}

// portChanged is a house whose serve listens on an old port while the parameter names the
// next, and the page of its metrics.
func portChanged(t *testing.T) (dir, page, old, next string, stop func()) {
	t.Helper()
	dir, old, next = house(t), freePort(t, "tcp"), freePort(t, "tcp")
	must(t, dir, "set", "capf_phone_port", old)
	c, page, _ := servedMetrics(t, dir)
	if said := must(t, dir, "set", "capf_phone_port", next); !strings.HasSuffix(said, "still uses capf_phone_port "+old+"; capf service restart capf puts the change in force\n") {
		t.Errorf("set: %s", said)
	}
	return dir, page, old, next, func() {
		check(t, c.Process.Signal(os.Interrupt))
		check(t, c.Wait())
	}
}
