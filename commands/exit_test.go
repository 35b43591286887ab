package commands

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// TestExitCodesAreDocumented holds the table in operating.md and the help of capf against
// the codes that there are. The script exit_codes.txtar meets each of them.
func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	want := []string{}
	for code := exitDone; code <= exitWaits; code++ {
		want = append(want, strconv.Itoa(int(code)))
	}
	guide, err := os.ReadFile("../docs/operating.md")
	check(t, err)
	for where, text := range map[string]string{
		"operating.md": regexp.MustCompile(`(?s)\n## Exit codes\n.*`).FindString(string(guide)),
		"capf --help":  regexp.MustCompile(`(?s)\nExit codes:\n.*?\n\n`).FindString(rootNotes),
	} {
		var got []string
		for _, m := range regexp.MustCompile(`(?:\n\| |  )(\d) `).FindAllStringSubmatch(text, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the codes %q, want %q", where, got, want)
		}
	}
}
