package commands

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"capf/commands/internal/term"
	"capf/store"
)

type row struct {
	n    int
	name string
}

var rowColumns = []column[row]{
	{"Number", "number", always, func(r row) any { return r.n }},
	{"Name", "name", usual, func(r row) any { return r.name }},
	{"", "hidden", wide, func(r row) any { return r.n * 2 }},
}

func printRows(t *testing.T, f term.Format, noHeader bool, n int) string {
	t.Helper()
	var out, said bytes.Buffer
	env := &Env{Format: f, NoHeader: noHeader, Stderr: &said, out: bufio.NewWriter(&out)}
	err := showList(env, func(yield func(row, error) bool) {
		for i := range n {
			if !yield(row{i, strings.Repeat("x", i%5)}, nil) {
				return
			}
		}
	}, rowColumns, "none")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.close(); err != nil {
		t.Fatal(err)
	}
	if want := map[bool]string{true: "none\n"}[n == 0]; said.String() != want {
		t.Errorf("%d rows: said %q, want %q", n, said.String(), want)
	}
	return out.String()
}

// TestTable checks that a table which tablewriter lays out and a long list look the
// same.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{7, term.Whole, term.Whole + 5} {
		for _, noHeader := range []bool{false, true} {
			lines := strings.Split(printRows(t, term.Table, noHeader, rows), "\n")
			if !noHeader {
				if lines[0] != "Number  Name" {
					t.Errorf("headings %q", lines[0])
				}
				lines = lines[1:]
			}
			width := len("Number")
			if noHeader {
				width = len(fmt.Sprint(min(rows-1, term.Whole)))
			}
			for n, line := range lines[:rows] {
				if want := strings.TrimRight(fmt.Sprintf("%-*d  %s", width, n, strings.Repeat("x", n%5)), " "); line != want {
					t.Errorf("%d rows: row %d: %q, want %q", rows, n, line, want)
				}
			}
		}
	}
}

func TestEmptyLists(t *testing.T) {
	t.Parallel()
	for f, want := range map[term.Format]string{term.Table: "", term.CSV: "number,name,hidden\n", term.JSON: "[]\n"} {
		if got := printRows(t, f, false, 0); got != want {
			t.Errorf("%s: %q, want %q", f, got, want)
		}
	}
}

func TestJSONAndCSV(t *testing.T) {
	t.Parallel()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(printRows(t, term.JSON, false, 1000)), &rows); err != nil || len(rows) != 1000 || rows[7]["hidden"] != 14.0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for noHeader, want := range map[bool]int{false: 1001, true: 1000} {
		records, err := csv.NewReader(strings.NewReader(printRows(t, term.CSV, noHeader, 1000))).ReadAll()
		if err != nil || len(records) != want {
			t.Errorf("%d records, %v, want %d", len(records), err, want)
		}
	}
}

// TestSaidBetweenRows has a list and what is said meanwhile in the same file, as after
// >file 2>&1.
func TestSaidBetweenRows(t *testing.T) {
	t.Parallel()
	for _, f := range []term.Format{term.Table, term.CSV, term.JSON} {
		var both bytes.Buffer
		env := &Env{Format: f, Stderr: &both, out: bufio.NewWriter(&both)}
		err := showList(env, func(yield func(row, error) bool) {
			for i := range 3000 {
				if i%7 == 0 {
					env.say("row %d comes", i)
				}
				if !yield(row{i, "name"}, nil) {
					return
				}
			}
		}, rowColumns, "none")
		check(t, err)
		check(t, env.close())
		said := 0
		for line := range strings.Lines(both.String()) {
			switch {
			case !strings.Contains(line, "comes"):
			case !strings.HasPrefix(line, "row ") || !strings.HasSuffix(line, " comes\n"):
				t.Errorf("%s: %q", f, line)
			default:
				said++
			}
		}
		if want := (3000 + 6) / 7; said != want || strings.Count(both.String(), "name") < 3000 {
			t.Errorf("%s: %d lines were said, want %d", f, said, want)
		}
	}
}

// BenchmarkTable prints a table of 1,000 rows: the work of the commands' side
// of a long listing.
func BenchmarkTable(b *testing.B) { benchmarkList(b, term.Table) }

// BenchmarkJSON prints 1,000 rows as JSON.
func BenchmarkJSON(b *testing.B) { benchmarkList(b, term.JSON) }

func benchmarkList(b *testing.B, f term.Format) {
	request := store.Request{ID: 1, Device: "SEP001122334455", CreatedAt: time.Now(), KeyKind: "rsa-2048", State: store.RequestPending, KeyHash: make([]byte, 32)}
	for b.Loop() {
		env := &Env{Format: f, out: bufio.NewWriter(io.Discard)}
		err := showList(env, func(yield func(store.Request, error) bool) {
			for range 1000 {
				if !yield(request, nil) {
					return
				}
			}
		}, requestColumns, "none")
		if err != nil {
			b.Fatal(err)
		}
	}
}
