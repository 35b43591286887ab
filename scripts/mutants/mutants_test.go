package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

const sample = "./testdata/sample"

// TestSample hunts in a package where it is known what survives: the boundary that
// its test does not look at, what no test calls, and what cannot be seen.
func TestSample(t *testing.T) {
	known := filepath.Join(t.TempDir(), "equivalent.txt")
	text := "# a comment\n\n" +
		"scripts/mutants/testdata/sample/sample.go: Sum: n < 0 → n <= 0 # 0 adds nothing\n" +
		"scripts/mutants/testdata/sample/sample.go: Gone: n < 0 → n <= 0 # it was there once\n"
	if err := os.WriteFile(known, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"-unreached", "-equivalent", known, sample}, &out, os.Stderr)
	if err == nil || err.Error() != "2 survived" {
		t.Errorf("the error is %v", err)
	}
	want := `scripts/mutants/testdata/sample/sample.go:10: survived: Check: n > 3 → n >= 3
scripts/mutants/testdata/sample/sample.go:29: not reached: Never: a && b → false
scripts/mutants/testdata/sample/sample.go:29: not reached: Never: a && b → true
scripts/mutants/testdata/sample/sample.go:29: not reached: Never: a → true
scripts/mutants/testdata/sample/sample.go:29: not reached: Never: b → true
scripts/mutants/testdata/sample/sample.go:33: survived: Forever: n != 0 → false
capf/scripts/mutants/testdata/sample: 16 mutants, 8 killed, 2 survived, 1 timed out, 4 not reached, 1 equivalent, 0 left out; N
equivalent.txt: scripts/mutants/testdata/sample/sample.go: Gone: n < 0 → n <= 0 is no mutant any more
`
	if got := regexp.MustCompile(`\d+s\n`).ReplaceAllString(out.String(), "N\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "PACKAGE is missing, or -every is not 1 or more"},
		{[]string{"-every", "0", sample}, "PACKAGE is missing, or -every is not 1 or more"},
		{[]string{"-files", "(", sample}, "-files: error parsing regexp: missing closing ): `(`"},
		{[]string{"-tests", "(", sample}, "-tests: error parsing regexp: missing closing ): `(`"},
	} {
		if err := run(t.Context(), test.args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil || err.Error() != test.want {
			t.Errorf("%q: %v, want %q", test.args, err, test.want)
		}
	}
}

func TestReasonIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "equivalent.txt")
	if err := os.WriteFile(path, []byte("a.go: f: x → y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readEquivalent(path); err == nil {
		t.Error("a mutant was left out without a reason")
	}
}
