package report

import (
	"strings"
	"testing"
	"time"
)

// TestPrint: bars that count nothing are left out, and the smallest of the others is
// seen.
func TestPrint(t *testing.T) {
	t.Parallel()
	c := &Chart{Title: "x", Bars: []Bar{{Label: "expired", Count: 100}, {Label: "2027-01"}, {Label: "2027-02", Count: 1}}}
	var out strings.Builder
	c.Print(&out)
	want := "expired  100  " + strings.Repeat("#", 50) + "\n2027-02    1  #\n\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	if words := c.Words(); words != "x: expired 100, 2027-02 1" {
		t.Errorf("in words: %q", words)
	}
}

// TestPage: what a device is called cannot become markup, and a page without rows says
// so.
func TestPage(t *testing.T) {
	t.Parallel()
	page := Page{Title: "x", Made: time.Unix(0, 0), Zone: time.UTC, Titles: []string{"Device"}, Count: 1, Empty: "there is none"}
	rows := func(yield func([]any) bool) { yield([]any{"<b>SEP</b>"}) }
	var out strings.Builder
	if err := page.Write(&out, rows); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "<tr><td>&lt;b&gt;SEP&lt;/b&gt;\n") || strings.Contains(text, "there is none") {
		t.Errorf("the page is\n%s", text)
	}
	page.Count = 0
	out.Reset()
	if err := page.Write(&out, func(func([]any) bool) {}); err != nil || !strings.Contains(out.String(), "there is none") || strings.Contains(out.String(), "<table") {
		t.Errorf("%v, the empty page is\n%s", err, out.String())
	}
}
