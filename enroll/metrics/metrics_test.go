package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

var someFacts = Facts{
	Devices: map[string]int64{"install": 3, "none": 7}, Failed: 1, Late: 2, Locked: 4, Declined: 9, Pending: 5, Stale: 6, Installed: 8,
	Lives: map[string]int64{"30d": 2}, Trusted: map[string]int64{"expired": 1},
	Certificate: time.Unix(2000000000, 0), Trust: time.Unix(1900000000, 0), Bytes: map[string]int64{"database": 4096, "log": 0}, Free: 1 << 30, Written: time.Unix(1800000000, 0),
}

// busy is a meter that has seen something of everything.
func busy(facts Source) *Meter {
	m := New(Build{Version: "v1", Revision: "abc", Go: "go1"}, facts, slog.New(slog.DiscardHandler))
	m.Moved("", "handshake")
	m.Moved("handshake", "key")
	m.Moved("", "handshake")
	m.Moved("handshake", "")
	m.Ended("install", "ok", 300*time.Millisecond)
	m.LockedOut()
	m.AddressDeclined()
	m.TurnedAway("max_sessions")
	m.Issued("capf", 4*time.Millisecond)
	m.Enrolled("capf", "rsa-2048")
	m.Found(map[Finding]int{{"lsc-expiring", "error"}: 3})
	m.Found(map[Finding]int{{"lsc-expiring", "warning"}: 1})
	m.Notified(false)
	m.ListsWritten(2, 1)
	m.ListsFailed()
	return m
}

func known(context.Context) (Facts, error) { return someFacts, nil }

// TestNames has Prometheus' own linter judge the page.
func TestNames(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(busy(known).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// page asks a meter that is serving for its page.
func page(t *testing.T, m *Meter) string {
	t.Helper()
	ready := make(chan net.Addr, 1)
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { done <- m.Serve(ctx, "127.0.0.1:0", func(a net.Addr) { ready <- a }) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	address := (<-ready).String()
	get := func(path string) (int, string) {
		r, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	for _, other := range []string{"/", "/debug/pprof/", "/metrics/x"} {
		if code, _ := get(other); code != http.StatusNotFound {
			t.Errorf("%s: %d", other, code)
		}
	}
	code, text := get(Page)
	if code != http.StatusOK {
		t.Fatalf("%d\n%s", code, text)
	}
	return text
}

func TestPage(t *testing.T) {
	t.Parallel()
	text := page(t, busy(known))
	for _, line := range []string{
		`capf_sessions_open{state="key"} 1`, `capf_sessions_open{state="handshake"} 0`,
		`capf_sessions_total{operation="install",outcome="ok"} 1`, `capf_session_duration_seconds_count{operation="install"} 1`,
		`capf_lockouts_total 1`,
		`capf_address_lockouts_total 1`,
		`capf_addresses_declined 9`,
		`capf_connections_refused_total{reason="max_sessions"} 1`, `capf_issuer_duration_seconds_bucket{issuer="capf",le="0.005"} 1`,
		`capf_enrollments_total{issuer="capf",key="rsa-2048"} 1`, `capf_build_info{goversion="go1",revision="abc",version="v1"} 1`,
		`capf_findings{kind="lsc-expiring",severity="warning"} 1`, `capf_notifications_total{outcome="failed"} 1`,
		`capf_certificates_left{left="30d"} 2`, `capf_trust_certificates{left="expired"} 1`,
		`capf_database_readable 1`, `capf_devices{operation="install"} 3`, `capf_devices_failed 1`, `capf_devices_late 2`, `capf_devices_locked 4`,
		`capf_requests_pending 5`, `capf_certificates_stale 6`, `capf_certificates_installed 8`,
		`capf_certificate_expiry_timestamp_seconds 2e+09`, `capf_trust_expiry_timestamp_seconds 1.9e+09`, `capf_database_size_bytes{file="database"} 4096`, `capf_database_free_bytes 1.073741824e+09`, `capf_database_written_timestamp_seconds 1.8e+09`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s is not on the page", line)
		}
	}
	for _, line := range []string{"go_goroutines ", "process_resident_memory_bytes ", "process_open_fds "} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s is not on the page", line)
		}
	}
}

// TestSilentDatabase shows what does not need the database when it does not
// answer.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	text := page(t, busy(func(context.Context) (Facts, error) { return Facts{}, errors.New("no") }))
	if !strings.Contains(text, "\ncapf_database_readable 0\n") || !strings.Contains(text, "\ncapf_enrollments_total{") || strings.Contains(text, "\ncapf_devices_locked") {
		t.Error(text)
	}
}

// TestFactsAge asks often, and counts how often the database is asked.
func TestFactsAge(t *testing.T) {
	t.Parallel()
	asked := 0
	c := newFactsCollector(func(context.Context) (Facts, error) { asked++; return someFacts, nil }, slog.New(slog.DiscardHandler))
	now := time.Unix(1, 0)
	c.now = func() time.Time { return now }
	for range 10 {
		if _, err := c.current(); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(factsAge)
	if _, err := c.current(); err != nil || asked != 2 {
		t.Errorf("asked %d times, want 2; %v", asked, err)
	}
}

// TestStuckDatabase: looks at a database that does not answer do not queue, and
// ask it once; the log tells of its silence once, and once of its return.
func TestStuckDatabase(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var log bytes.Buffer
	free := make(chan struct{})
	c := newFactsCollector(func(context.Context) (Facts, error) { asked.Add(1); <-free; return someFacts, nil },
		slog.New(slog.NewTextHandler(&log, nil)))
	c.wait = time.Millisecond
	for range 10 {
		if _, err := c.current(); !errors.Is(err, errNoAnswer) {
			t.Errorf("no answer is %v", err)
		}
	}
	close(free)
	c.wait = time.Minute
	for range 2 {
		if f, err := c.current(); err != nil || f.Installed != someFacts.Installed {
			t.Errorf("then: %+v, %v", f, err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "does not answer") || !strings.Contains(text, "again") {
		t.Errorf("the log is:\n%s", text)
	}
}

// TestLastFacts are shown while new ones are slow, for a while.
func TestLastFacts(t *testing.T) {
	t.Parallel()
	answers := make(chan Facts, 1)
	answers <- someFacts
	c := newFactsCollector(func(context.Context) (Facts, error) { return <-answers, nil }, slog.New(slog.DiscardHandler))
	var shift atomic.Int64
	c.now = func() time.Time { return time.Unix(shift.Load(), 0) }
	c.wait = time.Minute
	if _, err := c.current(); err != nil {
		t.Fatal(err)
	}
	c.wait = time.Millisecond
	shift.Store(int64(factsAge / time.Second))
	if f, err := c.current(); err != nil || f.Installed != someFacts.Installed {
		t.Errorf("after a while: %+v, %v", f, err)
	}
	shift.Store(int64(factsOld / time.Second))
	if _, err := c.current(); !errors.Is(err, errNoAnswer) {
		t.Errorf("after a long while: %v", err)
	}
	close(answers)
}

// TestFewConnections: those who only sit there take no more file descriptors than
// they are given.
func TestFewConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dialled := make(pipes, 3)
		l := limit(dialled, 2)
		accepted := make(chan net.Conn)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				accepted <- c
			}
		}()
		for range 3 {
			here, there := net.Pipe()
			defer there.Close()
			dialled <- here
		}
		first, second := <-accepted, <-accepted
		defer second.Close()
		synctest.Wait()
		select {
		case <-accepted:
			t.Error("a third connection got a place of two")
		default:
		}
		first.Close()
		first.Close() // gives its place back once
		(<-accepted).Close()
		close(dialled)
	})
}

// pipes is a listener on which the connections of the channel arrive.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return nil }

var (
	metricName = regexp.MustCompile(`\b(?:capf|go|process)_[a-z0-9_]+\b`)
	ownLabel   = regexp.MustCompile(`\{([^}]*)\}|\b(?:by|without) \(([^)]*)\)`)
	quoted     = regexp.MustCompile(`"[^"]*"`)
	labelName  = regexp.MustCompile(`[a-z_]+`)
)

// TestDashboard holds the queries of the dashboard against the page.
func TestDashboard(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../scripts/grafana-capf.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID, Title string
		Panels     []struct {
			ID            int
			Title, Type   string
			Description   string
			GridPos       struct{ X, Y, W, H int }
			Targets       []struct{ Expr, RefID string }
			FieldConfig   any
			LibraryPanels any
		}
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	var there []string
	labels := map[string][]string{} // of each metric; the first two are Prometheus' own
	families, err := busy(known).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		own := []string{"instance", "job"}
		for _, l := range f.GetMetric()[0].GetLabel() {
			own = append(own, l.GetName())
		}
		names := []string{f.GetName()}
		if f.GetType().String() == "HISTOGRAM" {
			own = append(own, "le")
			names = append(names, f.GetName()+"_bucket", f.GetName()+"_sum", f.GetName()+"_count")
		}
		for _, name := range names {
			there, labels[name] = append(there, name), own
		}
	}
	shown := map[string]bool{}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: its number, title or place is wrong", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, q := range p.Targets {
			var asked []string
			for _, l := range ownLabel.FindAllString(q.Expr, -1) {
				asked = append(asked, labelName.FindAllString(strings.TrimPrefix(strings.TrimPrefix(quoted.ReplaceAllString(l, ""), "by"), "without"), -1)...)
			}
			for _, name := range metricName.FindAllString(ownLabel.ReplaceAllString(q.Expr, ""), -1) {
				shown[name] = true
				if !slices.Contains(there, name) {
					t.Errorf("panel %q asks for %s, which there is not", p.Title, name)
				}
				for _, l := range asked { // no query asks for two metrics
					if !slices.Contains(labels[name], l) {
						t.Errorf("panel %q asks for the label %s of %s, which has %v", p.Title, l, name, labels[name])
					}
				}
			}
		}
	}
	for _, name := range there {
		if !strings.HasPrefix(name, "capf_") || strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count") || shown[name] || shown[name+"_bucket"] {
			continue
		}
		t.Errorf("no panel shows %s", name)
	}
}

// TestTakenAddress reports an address that is in use.
func TestTakenAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = busy(known).Serve(t.Context(), l.Addr().String(), func(net.Addr) { t.Error("ready") })
	if err == nil || !strings.Contains(err.Error(), "for metrics") {
		t.Errorf("%v", err)
	}
}
