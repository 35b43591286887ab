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

	"capf/store"
)

func TestCells(t *testing.T) {
	t.Parallel()
	noon := time.Date(2027, 1, 31, 12, 0, 0, 5, time.FixedZone("", 3600))
	tests := []struct {
		value            any
		table, csv, json string
	}{
		{"text", "text", "text", `"text"`},
		{"", "", "", `""`},
		{nil, "", "", "null"},
		{int64(-5), "-5", "-5", "-5"},
		{true, "yes", "true", "true"},
		{time.Time{}, "", "", "null"},
		{noon, noon.Local().Format(tableTime), "2027-01-31T11:00:00Z", `"2027-01-31T11:00:00Z"`},
		{store.Install, "Install/Upgrade", "Install/Upgrade", `"install"`},
		{[]byte{0xca, 0xfe}, "cafe", "cafe", `"cafe"`},
		{[]byte(nil), "", "", `""`},
		{[]string{"a", "b"}, "a, b", "a, b", `["a","b"]`},
		{[]string(nil), "", "", "[]"},
		{"=1+1", "=1+1", "'=1+1", `"=1+1"`},
		{"＝1+1", "＝1+1", "'＝1+1", `"＝1+1"`},
		{"@x", "@x", "'@x", `"@x"`},
		{"-x", "-x", "'-x", `"-x"`},
		{"+49", "+49", "'+49", `"+49"`},
		{"\t=1+1", `\t=1+1`, `\x09=1+1`, `"\t=1+1"`},
		{"\r=1+1", `\r=1+1`, `\x0d=1+1`, `"\r=1+1"`},
		{"\n=1+1", `\n=1+1`, `\x0a=1+1`, `"\n=1+1"`},
		{"'=1+1", "'=1+1", "''=1+1", `"'=1+1"`},
		{"''＝1", "''＝1", "'''＝1", `"''＝1"`},
		{"'tis", "'tis", "'tis", `"'tis"`},
		{"'", "'", "'", `"'"`},
		{"a\tb\r\n", `a\tb\r\n`, `a\x09b\x0d\x0a`, `"a\tb\r\n"`},
		{"\x1b[31m", `\x1b[31m`, `\x1b[31m`, `"\u001b[31m"`},
		{"a\u202eb\u00a0c", `a\u202eb\u00a0c`, "a\\u202eb\u00a0c", "\"a\u202eb\u00a0c\""},
		{"Jürgen 电话", "Jürgen 电话", "Jürgen 电话", `"Jürgen 电话"`},
		{"\xff", `\ufffd`, `\xff`, `"\ufffd"`},
	}
	for _, tt := range tests {
		if got := tableCell(tt.value); got != tt.table {
			t.Errorf("table of %#v: %q, want %q", tt.value, got, tt.table)
		}
		if got := csvCell(tt.value); got != tt.csv {
			t.Errorf("CSV of %#v: %q, want %q", tt.value, got, tt.csv)
		}
		if got, err := appendJSON(nil, tt.value); err != nil || string(got) != tt.json {
			t.Errorf("JSON of %#v: %s, %v, want %s", tt.value, got, err, tt.json)
		}
	}
}

type row struct {
	n    int
	name string
}

var rowColumns = []column[row]{
	{"Number", "number", func(r row) any { return r.n }},
	{"Name", "name", func(r row) any { return r.name }},
	{"", "hidden", func(r row) any { return r.n * 2 }},
}

func printRows(t *testing.T, f format, noHeader bool, n int) string {
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

// TestTable checks that the rows which follow the one laid out by tablewriter
// look the same, and those which follow the ones that set the widths.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, noHeader := range []bool{false, true} {
		lines := strings.Split(printRows(t, asTable, noHeader, laidOut+5), "\n")
		for i, line := range lines {
			if n := i - 1; !noHeader && i > 0 && n < laidOut+5 {
				if want := strings.TrimRight(fmt.Sprintf("%-6d  %s", n, strings.Repeat("x", n%5)), " "); line != want {
					t.Errorf("row %d: %q, want %q", n, line, want)
				}
			}
			if line != strings.TrimRight(line, " ") {
				t.Errorf("line %d ends in blanks: %q", i, line)
			}
		}
		if !noHeader && lines[0] != "Number  Name" {
			t.Errorf("headings %q", lines[0])
		}
	}
}

func TestEmptyLists(t *testing.T) {
	t.Parallel()
	for f, want := range map[format]string{asTable: "", asCSV: "", asJSON: "[]\n"} {
		if got := printRows(t, f, false, 0); got != want {
			t.Errorf("%s: %q, want %q", f, got, want)
		}
	}
}

func TestJSONAndCSV(t *testing.T) {
	t.Parallel()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(printRows(t, asJSON, false, 1000)), &rows); err != nil || len(rows) != 1000 || rows[7]["hidden"] != 14.0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for noHeader, want := range map[bool]int{false: 1001, true: 1000} {
		records, err := csv.NewReader(strings.NewReader(printRows(t, asCSV, noHeader, 1000))).ReadAll()
		if err != nil || len(records) != want {
			t.Errorf("%d records, %v, want %d", len(records), err, want)
		}
	}
}

// BenchmarkTable prints a table of 1,000 rows: the work of the commands' side
// of a long listing.
func BenchmarkTable(b *testing.B) { benchmarkList(b, asTable) }

// BenchmarkJSON prints 1,000 rows as JSON.
func BenchmarkJSON(b *testing.B) { benchmarkList(b, asJSON) }

func benchmarkList(b *testing.B, f format) {
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
