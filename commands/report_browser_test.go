package commands

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"capf/commands/internal/report"
	"capf/store"
)

// selected makes devices for a page, in no order.
func selected(n int) []store.Selected {
	rows := make([]store.Selected, n)
	statuses := []store.Status{store.StatusNone, store.StatusPending, store.Succeeded(store.Install),
		store.Failed(store.Install, store.InvalidMIC), store.Failed(store.Delete, store.CommunicationFailure)}
	for i := range rows {
		d := &rows[i].Device
		d.Name = fmt.Sprintf("SEP%012X", i*7919%1000003)
		d.Description, d.Pool, d.Model = "desk <b>"+fmt.Sprint(i)+"</b> \"x\"", "Berlin", "8861"
		d.Operation, d.Status = store.Install, statuses[i%len(statuses)]
		d.CompletesBy = seedTime.Add(time.Duration(i) * time.Hour)
		rows[i].Installed = store.LSCFacts{Serial: fmt.Sprint(i), NotAfter: seedTime.AddDate(0, i%70, 0)}
	}
	return rows
}

func expiries(n int) []store.Expiry {
	rows := make([]store.Expiry, n)
	for i := range rows {
		rows[i] = store.Expiry{Device: fmt.Sprintf("SEP%012X", i*7919%1000003), Serial: fmt.Sprint(i), Issuer: "CN=CAPF-12345678,O=Acme & Söhne",
			KeyKind: "rsa-2048", NotAfter: seedTime.AddDate(0, i%70-3, i%28)}
	}
	return rows
}

// TestReportsInBrowser opens pages of no, few and many rows in Chromium, which
// has no network: they must run without an error and sort when told to.
func TestReportsInBrowser(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing; scripts/need.sh chromium installs it")
	}
	dir := t.TempDir()
	env := newEnv(strings.NewReader(""), io.Discard, io.Discard)
	env.Now = func() time.Time { return seedTime }
	for _, n := range []int{0, 10} {
		file := filepath.Join(dir, fmt.Sprintf("operations-%d.html", n))
		rows := selected(n)
		p := report.Page{Title: "Certificate operations", Summary: operationsSummary(env, rows), Chart: outcomeChart(rows), Empty: "There is no device yet."}
		if err := writePage(env, pageFile{name: file}, p, rows, operationColumns); err != nil {
			t.Fatal(err)
		}
		lookAt(t, browser, file, n, "Device")
	}
	for _, n := range []int{10, 20000} {
		file := filepath.Join(dir, fmt.Sprintf("expiry-%d.html", n))
		rows := expiries(n)
		p := report.Page{Title: "LSC expiry", Summary: expirySummary(rows, seedTime), Chart: expiryMonths(rows, seedTime), Empty: "x"}
		if err := writePage(env, pageFile{name: file}, p, rows, expiryColumns(seedTime)); err != nil {
			t.Fatal(err)
		}
		lookAt(t, browser, file, n, "Days left")
	}
}

// probe sorts by a column, the other way round at last, and says in the title
// what the page is like then.
const probe = `<script>
const head = [...document.querySelectorAll("th")].find(th => th.textContent.trim() === %q);
if (head) { head.querySelector("button").click(); head.querySelector("button").click(); }
const cells = head ? [...document.querySelectorAll("tbody tr")].map(tr => tr.cells[head.cellIndex].textContent.trim()) : [];
const falls = cells.every((c, i) => i === 0 || (/^-?\d+$/.test(c) ? Number(cells[i-1]) >= Number(c) : cells[i-1] >= c));
const named = [...document.querySelectorAll("svg")].every(s => s.getAttribute("aria-label"));
const chart = document.querySelectorAll("svg rect").length;
const bold = document.querySelectorAll("td b").length;
document.title = ["rows", cells.length, "falls", falls, "sorted", head ? head.getAttribute("aria-sort") : "none", "named", named, "bars", chart > 0, "injected", bold].join(" ");
</script>`

var pageTitle = regexp.MustCompile(`<title>([^<]*)</title>`)

func lookAt(t *testing.T, browser, file string, rows int, column string) {
	t.Helper()
	html, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(html, []byte("http://")) || bytes.Contains(html, []byte("https://")) || bytes.Contains(html, []byte("ZgotmplZ")) {
		t.Errorf("%s names a place on the network, or has a value in the wrong place", filepath.Base(file))
	}
	if err := os.WriteFile(file, append(html, fmt.Sprintf(probe, column)...), 0o600); err != nil {
		t.Fatal(err)
	}
	dom, said := browse(t, browser, "--enable-logging=stderr", "--dump-dom", "file://"+file)
	for line := range strings.Lines(said) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("%s: the browser says %s", filepath.Base(file), line)
		}
	}
	want := fmt.Sprintf("rows %d falls true sorted descending named true bars true injected 0", rows)
	if rows == 0 {
		want = "rows 0 falls true sorted none named true bars false injected 0"
	}
	if m := pageTitle.FindSubmatch(dom); m == nil || string(m[1]) != want {
		t.Errorf("%s: the page is %q, want %q", filepath.Base(file), m, want)
	}
}

// browse runs Chromium, which has no network, without a window.
func browse(t *testing.T, browser string, args ...string) (out []byte, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--user-data-dir=" + t.TempDir(), "--host-resolver-rules=MAP * ~NOTFOUND"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return out, stderr.String()
}

// TestReportOnPaper prints a page, one of whose devices has the longest name
// there can be: each sheet has the headings, and nothing is cut off or taken
// apart for it.
func TestReportOnPaper(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	check(t, err)
	dir := t.TempDir()
	env := newEnv(strings.NewReader(""), io.Discard, io.Discard)
	env.Now = func() time.Time { return seedTime }
	rows := expiries(60)
	rows[3].Device = strings.Repeat("LONGNAME", 16)
	rows[4].Pool = "Berlin Mitte, third floor"
	html, pdf := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.pdf")
	p := report.Page{Title: "LSC expiry", Summary: expirySummary(rows, seedTime), Chart: expiryMonths(rows, seedTime), Empty: "x"}
	check(t, writePage(env, pageFile{name: html}, p, rows, expiryColumns(seedTime)))
	browse(t, browser, "--no-pdf-header-footer", "--print-to-pdf="+pdf, "file://"+html)
	text, err := exec.CommandContext(t.Context(), "pdftotext", "-layout", pdf, "-").Output()
	check(t, err)
	sheets := strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
	if len(sheets) < 2 || len(sheets) > 6 {
		t.Errorf("60 rows take %d sheets", len(sheets))
	}
	for i, sheet := range sheets {
		for _, title := range []string{"Ends", "Days", "Device", "Model", "Pool", "Key", "Issuer", "Serial"} {
			if !regexp.MustCompile(`\b` + title + `\b`).MatchString(sheet) {
				t.Errorf("sheet %d lacks the heading %s:\n%s", i+1, title, sheet)
			}
		}
	}
	for _, r := range rows {
		row := regexp.MustCompile(`(?m)^ *` + r.NotAfter.Local().Format("2006-01-02 15:04:05 MST") + ` .*\b` + r.Serial + `$`)
		if !row.Match(text) {
			t.Errorf("the row of serial number %s is not whole:\n%s", r.Serial, text)
			break
		}
	}
}

// BenchmarkExpiryReport100000 makes the page of 100,000 certificates from rows
// that are in memory.
func BenchmarkExpiryReport100000(b *testing.B) {
	env := newEnv(strings.NewReader(""), io.Discard, io.Discard)
	rows := expiries(100000)
	file := filepath.Join(b.TempDir(), "page.html")
	for b.Loop() {
		p := report.Page{Title: "LSC expiry", Summary: expirySummary(rows, seedTime), Chart: expiryMonths(rows, seedTime)}
		if err := writePage(env, pageFile{name: file}, p, rows, expiryColumns(seedTime)); err != nil {
			b.Fatal(err)
		}
	}
}
