package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"capf/enroll/health"
	"capf/enroll/settings"
	"capf/store"
)

var noon = time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)

// house is a serve that finds what the test says, at a time that it sets.
type house struct {
	*testing.T
	watcher *Watcher
	now     time.Time
	found   []health.Finding
	out     string // to which the program writes what it gets
	log     bytes.Buffer
	runs    []bool // of the program, by success
}

// newHouse has a shell run the script as notify_command.
func newHouse(t *testing.T, script string) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{T: t, now: noon, out: filepath.Join(dir, "out")}
	clock := func() time.Time { return h.now }
	s, err := store.Create(t.Context(), filepath.Join(dir, "capf.db"), store.Options{Now: clock})
	h.check(err)
	t.Cleanup(func() { s.Close() })
	h.watcher = &Watcher{
		Store: s, Now: clock, Log: slog.New(slog.NewTextHandler(&h.log, nil)), Host: "one.example", owner: "test", known: -1,
		Look: func(context.Context) ([]health.Finding, error) { return h.found, nil },
		Seen: func([]health.Finding) {},
		Told: func(ok bool) { h.runs = append(h.runs, ok) },
	}
	file := filepath.Join(dir, "program")
	h.check(os.WriteFile(file, []byte(script), 0o700))
	_, err = settings.Set(t.Context(), s, store.Actor{Kind: store.Operator}, settings.NotifyCommand, `/bin/sh "`+file+`" "`+h.out+`"`)
	h.check(err)
	return h
}

func (h *house) check(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// look has serve look after a while, and returns what the program was told.
func (h *house) look(after time.Duration, found ...health.Finding) (m message) {
	h.Helper()
	h.found, h.now, h.watcher.lookedAt = found, h.now.Add(after), time.Time{}
	h.check(h.watcher.step(h.Context()))
	h.now, h.watcher.lookedAt = h.now.Add(5*time.Second), time.Time{} // what appears has to stay
	h.check(h.watcher.step(h.Context()))
	data, err := os.ReadFile(h.out)
	if os.IsNotExist(err) {
		return m
	}
	h.check(err)
	h.check(os.Remove(h.out))
	h.check(json.Unmarshal(data, &m))
	return m
}

func (m message) events() string { return m.summary() }

var (
	job  = health.Finding{Kind: health.JobAbandoned, Object: "12", Severity: health.Warning, Text: "job 12 is not at its end", Hint: "capf job run-due"}
	ends = health.Finding{Kind: health.LSCsEnd, Severity: health.Warning, Text: "3 LSCs will end", Hint: "renew them", Ends: noon.Add(72 * time.Hour)}
)

// TestWatcher: what appears, stays and goes is told, at the times for it.
func TestWatcher(t *testing.T) {
	t.Parallel()
	h := newHouse(t, `cat > "$1"`)
	worse := job
	worse.Severity = health.Error
	for i, step := range []struct {
		after time.Duration
		found []health.Finding
		want  string
	}{
		{0, nil, ""},
		{time.Minute, []health.Finding{job, ends, job}, "appeared job-abandoned 12, appeared lsc-expiring"},
		{23 * time.Hour, []health.Finding{job, ends}, ""},
		{time.Hour, []health.Finding{job, ends}, "remains job-abandoned 12, remains lsc-expiring"},
		{time.Hour, []health.Finding{worse, ends}, "worse job-abandoned 12"},
		{time.Minute, []health.Finding{ends}, "gone job-abandoned 12"},
		{time.Minute, []health.Finding{ends, {Kind: health.NotifyFailed, Severity: health.Warning}}, ""},
		// The last day before the end begins, and it is told each hour.
		{23 * time.Hour, []health.Finding{ends}, "remains lsc-expiring"},
		{59 * time.Minute, []health.Finding{ends}, ""},
		{time.Minute, []health.Finding{ends}, "remains lsc-expiring"},
		{time.Hour, []health.Finding{ends}, "remains lsc-expiring"},
		{time.Minute, nil, "gone lsc-expiring"},
	} {
		if got := h.look(step.after, step.found...).events(); got != step.want {
			t.Fatalf("step %d: told %q, want %q\n%s", i, got, step.want, h.log.String())
		}
	}
	var recorded []string
	for e, err := range h.watcher.Store.Events(t.Context(), store.EventFilter{Action: "notify"}) {
		h.check(err)
		recorded = append(recorded, e.Detail)
	}
	if len(recorded) != len(h.runs) || recorded[0] != "appeared job-abandoned 12, appeared lsc-expiring" {
		t.Errorf("recorded is %q", recorded)
	}
}

// TestFailure: a program that fails is run again later, the log has its output, and
// status says so. Nothing that it prints disturbs the log.
func TestFailure(t *testing.T) {
	t.Parallel()
	h := newHouse(t, `printf 'connecting\n\033[31mno such \nhost\n' >&2; [ -e "$1.up" ] || exit 3; cat > "$1"`)
	if m := h.look(0, job); m.Findings != nil || len(h.runs) != 1 || h.runs[0] {
		t.Fatalf("told %+v, runs %v", m, h.runs)
	}
	if log := h.log.String(); !strings.Contains(log, `reason="exit status 3: host"`) || !strings.Contains(log, "connecting  [31mno such  host") || !strings.Contains(log, "again_in=1m0s") {
		t.Error(log)
	}
	found, err := health.Findings(t.Context(), h.watcher.Store.Reader, h.now, store.DeviceCounts{})
	h.check(err)
	var failing string
	for _, f := range found {
		if f.Kind == health.NotifyFailed {
			failing = f.Text
		}
	}
	if failing != "notify_command has failed 1 time in a row: exit status 3: host" {
		t.Errorf("status says %q", failing)
	}
	h.look(30*time.Second, job)
	h.look(30*time.Second, job)
	h.look(time.Minute, job)
	if len(h.runs) != 2 { // one minute, then two
		t.Errorf("%d runs", len(h.runs))
	}
	h.check(os.WriteFile(h.out+".up", nil, 0o600))
	if got := h.look(2*time.Minute, job).events(); got != "appeared job-abandoned 12" {
		t.Errorf("told %q", got)
	}
	if got := h.look(time.Minute).events(); got != "gone job-abandoned 12" {
		t.Errorf("told %q", got)
	}
}

// TestNoProgram: one that is missing fails like one that ends badly.
func TestNoProgram(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	_, err := settings.Set(t.Context(), h.watcher.Store, store.Actor{Kind: store.Operator}, settings.NotifyCommand, "/no/such/program")
	h.check(err)
	h.look(0, job)
	if !strings.Contains(h.log.String(), `reason="it could not be run: no such file or directory"`) {
		t.Error(h.log.String())
	}
}

// TestStopped: a program that runs when serve stops is ended, and what it was to tell
// is told by the next serve at once.
func TestStopped(t *testing.T) {
	t.Parallel()
	h := newHouse(t, `[ -e "$1.second" ] || { touch "$1.second"; echo > "$1.runs"; sleep 600; }; cat > "$1"`)
	if err := syscall.Mkfifo(h.out+".runs", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	h.found = []health.Finding{job}
	h.check(h.watcher.step(ctx))
	h.now, h.watcher.lookedAt = h.now.Add(5*time.Second), time.Time{}
	go func() {
		_, _ = os.ReadFile(h.out + ".runs") // ends once the program has written to it
		stop()
	}()
	_ = h.watcher.step(ctx) // it may fail, as ctx has ended
	if got := h.look(0, job).events(); got != "appeared job-abandoned 12" {
		t.Errorf("told %q\n%s", got, h.log.String())
	}
}

// TestMessage: a mail has a subject of one line and a body that says what to do.
func TestMessage(t *testing.T) {
	t.Parallel()
	told := noon.Add(-time.Hour)
	m := newMessage([]store.Notice{
		{Kind: "lsc-expiring", Severity: "warning", Text: "3 LSCs will end (3 in K\nBcc: x@example.com)", Hint: "renew them", Since: noon},
		{Kind: "job-abandoned", Object: "12", Severity: "warning", Text: "job 12", Since: told, ToldAt: told, GoneAt: noon},
	}, noon, "one.example", "/var/lib/capf/capf.db")
	if want := "capf on one.example: 2 findings: 1 appeared, 1 gone"; m.Subject != want {
		t.Errorf("the subject is %q, want %q", m.Subject, want)
	}
	want := "appeared  warning: 3 LSCs will end (3 in K Bcc: x@example.com)\n          hint: renew them\ngone      warning: job 12\n          since " + told.Local().Format("2006-01-02 15:04:05") +
		"\n\nFrom capf on one.example, database /var/lib/capf/capf.db. capf status shows how it is now.\n"
	if m.Text != want {
		t.Errorf("the text is %q, want %q", m.Text, want)
	}
	one := newMessage([]store.Notice{{Kind: "x", Severity: "error", Text: strings.Repeat("ä", 300)}}, noon, "h", "d")
	if !strings.HasPrefix(one.Subject, "capf on h: appeared: ä") || len([]rune(one.Subject)) > 140 {
		t.Errorf("the subject is %q", one.Subject)
	}
}
