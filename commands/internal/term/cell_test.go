package term

import (
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
		if got := Cell(tt.value); got != tt.table {
			t.Errorf("table of %#v: %q, want %q", tt.value, got, tt.table)
		}
		if got := csvCell(tt.value); got != tt.csv {
			t.Errorf("CSV of %#v: %q, want %q", tt.value, got, tt.csv)
		}
		if got, err := AppendJSON(nil, tt.value); err != nil || string(got) != tt.json {
			t.Errorf("JSON of %#v: %s, %v, want %s", tt.value, got, err, tt.json)
		}
	}
}
