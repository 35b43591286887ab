package document

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"capf/internal/apperr"
)

// TestProblems holds that what is wrong is named with its line.
func TestProblems(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("- ", 12) + "x"
	for in, want := range map[string]string{
		"":                               "it is empty",
		"# nothing\n":                    "it is empty",
		"a: 1\nb: [\n":                   "line 2: it is no YAML: did not find expected node content",
		"a: 1\na: 2\n":                   `line 2: "a" stands in line 1 already`,
		"a: 1\n---\nb: 2\n":              "line 2: a second document begins; one file holds one",
		"a: &x 1\nb: *x\n":               "2 problems found",
		"a: !!binary aGFsbG8=\n":         "line 1: tags such as !!binary are not read: write the value alone",
		"? [a]\n: b\n":                   "line 1: a key is a word",
		deep:                             "line 1: values stand within more than 8 others",
		"<<: {a: 1}\n? |\n  x\n: {<<: 1": "line 3: it is no YAML: did not find expected ',' or '}'",
		strings.Repeat("[,", 2<<20):      "it holds too many values",
		"a: \"\xff\"":                    "the file is not UTF-8: line 1 has the byte 0xff",
	} {
		_, err := Read([]byte(in))
		if err == nil || err.Error() != want || !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("%.40q: %v, want %s", in, err, want)
		}
	}
}

// TestBillionLaughs holds that a document cannot grow.
func TestBillionLaughs(t *testing.T) {
	t.Parallel()
	text := "a: &a [lol, lol, lol, lol]\n"
	for i := range 20 {
		text += fmt.Sprintf("%c: &%[1]c [*%[2]c, *%[2]c, *%[2]c, *%[2]c]\n", 'b'+i, 'a'+i)
	}
	if _, err := Read([]byte(text)); err == nil {
		t.Error("it was read")
	}
}

// TestText holds that a value is what is written, whatever YAML would make of it.
func TestText(t *testing.T) {
	t.Parallel()
	n, err := Read([]byte("a: 0123\nb: no\nc: ~\nd: 2027-01-31\ne: |\n  x\n  y\nf: [1e9, 'q']\ng:\n"))
	if err != nil {
		t.Fatal(err)
	}
	var p Problems
	f := n.Fields(&p, "a", "b", "c", "d", "e", "f", "g")
	for key, want := range map[string]string{"a": "0123", "b": "no", "d": "2027-01-31", "e": "x\ny\n"} {
		if got := f[key].Word(&p, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if f["c"].Kind != Nothing || f["g"].Kind != Nothing || strings.Join(f["f"].Words(&p, "f"), " ") != "1e9 q" || p != nil {
		t.Errorf("c is %v, g is %v, f is %v: %v", f["c"], f["g"], f["f"], p)
	}
}

// TestUnder holds what stands at the top of a document.
func TestUnder(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"version: 1\nthings: x":            "",
		"things: x":                        "line 1: the version is missing: version: 1",
		"version: 2\nthings: x":            `line 1: version "2" is not known: this capf reads version 1`,
		"version: 1":                       `line 1: "things" is missing`,
		"version: 1\nthings: x\nthing: y":  `line 3: the key "thing" is not known here; there are version, things`,
		"- version: 1":                     "line 1: keys with values are expected here: version, things",
		`{"version": 1, "things": ["x"]} `: "",
	} {
		n, err := Read([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		var p Problems
		n.Under(&p, "things")
		if got := p.Err(); fmt.Sprint(got) != want && (got != nil || want != "") {
			t.Errorf("%q: %v, want %s", in, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"version: 1\ncertificates:\n  - file: root.pem\n    purposes: [capf-trust]\n    for: lsc\n",
		"version: 1\ncertificates:\n- pem: |\n    -----BEGIN CERTIFICATE-----\n",
		"a: &a [lol]\nb: [*a, *a]\n", "{\"version\": 1, \"devices\": [{\"name\": \"SEP001122334455\"}]}",
		"---\na: 1\n---\nb: 2\n", "? [a, b]\n: c\n", "- - - - - - - - - - x", "<<: *x", "a: !!python/object:os.system x", "\xff\xfea\x00:\x00", "%YAML 1.1\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Read(data)
		if err != nil {
			if n != nil && err.Error() == "" || !errors.Is(err, apperr.ErrRefused) {
				t.Errorf("%v", err)
			}
			return
		}
		check(t, n, 1)
	})
}

// check holds that every value has its line, and no more than it may hold.
func check(t *testing.T, n *Node, depth int) {
	if n.Line < 1 || depth > maxDepth+1 {
		t.Fatalf("line %d at depth %d", n.Line, depth)
	}
	for _, item := range n.Items {
		check(t, item, depth+1)
	}
	for _, e := range n.Entries {
		check(t, e.Value, depth+1)
	}
}
