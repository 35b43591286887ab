package term

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	t.Parallel()
	columns := []extent{
		{rank: Always, heading: 6, width: 32, text: true},              // a serial number
		{rank: Always, heading: 6, width: 15, text: true},              // a name
		{rank: Seldom, heading: 3, width: 8, text: true},               // a word
		{rank: Usual, heading: 5, width: 19},                           // a time
		{rank: Usual, heading: 4, width: 5, text: true, empty: true},   // nothing
		{rank: Always, heading: 6, width: 90, text: true, prose: true}, // a message
	}
	for room, want := range map[int][]int{
		200: {32, 15, 8, 19, 5, 90},
		179: {32, 15, 8, 19, 5, 90},
		178: {32, 15, 8, 19, 5, 89},
		105: {32, 15, 8, 19, 5, 16},
		104: {32, 15, 8, 19, 0, 22},
		97:  {32, 15, 0, 19, 0, 25},
		80:  {20, 15, 0, 19, 0, 20},
		60:  {21, 15, 0, 0, 0, 20},
		40:  {12, 12, 0, 0, 0, 12},
		12:  {5, 5, 0, 0, 0, 0},
		2:   {2, 0, 0, 0, 0, 0},
	} {
		got := fit(columns, room)
		if !slices.Equal(got, want) {
			t.Errorf("%d columns: %v, want %v", room, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"office", 6, "office"},
		{"offices", 6, "offic…"},
		{"会议室电话", 10, "会议室电话"},
		{"会议室电话", 9, "会议室电…"},
		{"会议室电话", 8, "会议室…"},
		{"e\u0301te\u0301", 3, "e\u0301te\u0301"},
		{"e\u0301te\u0301s", 3, "e\u0301t…"},
		{"👩‍🚀👩‍🚀👩‍🚀", 5, "👩‍🚀…"},
		{"office", 1, "…"},
		{"", 3, ""},
	}
	for _, tt := range tests {
		if got := Cut(tt.text, tt.width, "…"); got != tt.want || Width(got) > tt.width {
			t.Errorf("%q in %d columns: %q of %d, want %q", tt.text, tt.width, got, Width(got), tt.want)
		}
	}
	if got := Cut("office", 2, "..."); got != "of" {
		t.Errorf("no room for the ellipsis: %q", got)
	}
}

// BenchmarkTable writes a table of 1,000 rows as it is, and cut to a terminal.
func BenchmarkTable(b *testing.B) {
	columns := []Heading{{"ID", "id", Always}, {"Device", "device", Always}, {"Key", "key_kind", Seldom}, {"Issuer", "issuer", Usual}, {"Reason", "reason", Always}}
	values := []any{int64(1), "SEP001122334455", "rsa-2048", "CN=CAPF-12345678,OU=Phones,O=Example", Message(strings.Repeat("why ", 20))}
	for _, room := range []int{0, 80} {
		b.Run(fmt.Sprint(room), func(b *testing.B) {
			for b.Loop() {
				rows := NewRows(io.Discard, Layout{Format: Table, Header: true, Room: room, Ellipsis: "…", LeftOut: func(int) {}}, columns)
				for range 1000 {
					check(b, rows.Row(values))
				}
				check(b, rows.End())
			}
		})
	}
}
