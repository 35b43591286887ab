package commands

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDocuments holds the checked-in documents against the command tree; make
// docs writes them anew.
func TestDocuments(t *testing.T) {
	t.Parallel()
	want := documents(tree())
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join("..", "docs", name))
		if err != nil {
			t.Errorf("docs/%s is missing: run make docs", name)
		} else if string(got) != text {
			t.Errorf("docs/%s is stale: run make docs", name)
		}
	}
	pages, err := filepath.Glob("../docs/man/*")
	check(t, err)
	for _, page := range pages {
		if _, ok := want["man/"+filepath.Base(page)]; !ok {
			t.Errorf("docs/man/%s is of no command: remove it", filepath.Base(page))
		}
	}
}

func TestWriteDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, WriteDocuments(dir))
	for name, want := range documents(tree()) {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoff(t *testing.T) {
	t.Parallel()
	if got := roff(".a\n'b\n--c \\d"); got != "\\&.a\n\\&'b\n\\-\\-c \\ed" {
		t.Errorf("got %q", got)
	}
}

// TestTreeWords holds what documents, completions and the shell take for
// granted of every command.
func TestTreeWords(t *testing.T) {
	t.Parallel()
	var names []string
	for _, l := range leaves(tree(), "capf") {
		names = append(names, strings.TrimPrefix(l.name, "capf "))
		switch {
		case l.short == "" || strings.HasSuffix(l.short, ".") || upperFirst(l.short) == l.short && !strings.HasPrefix(l.short, "LSC"):
			t.Errorf("%s: the short text is %q", l.name, l.short)
		case l.example == "":
			t.Errorf("%s has no example", l.name)
		case !strings.HasPrefix(l.example, l.name):
			t.Errorf("%s: its example is %q", l.name, l.example)
		case l.run == nil:
			t.Errorf("%s does nothing", l.name)
		}
		for _, f := range l.allFlags() {
			if _, meaning := describeFlag(f); meaning == "" {
				t.Errorf("%s: flag --%s has no meaning", l.name, f.Names()[0])
			}
		}
	}
	for name := range privileges {
		if !slices.Contains(names, name) {
			t.Errorf("privileges has %q, which is no command", name)
		}
	}
}
