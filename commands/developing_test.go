package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fenced    = regexp.MustCompile("(?s)```\n(.*?)```")
	quoted    = regexp.MustCompile("`([^`]+)`")
	spaces    = regexp.MustCompile(`\s{2,}`)
	isFile    = regexp.MustCompile(`^[\w./-]*(/[\w.-]*|\.(go|md|sql|txt))$`)
	variables = regexp.MustCompile(`[A-Z]{2,}`) // such as NAME in enroll/onlineca/NAME.go
)

// TestDeveloping holds docs/developing.md against the tree: its picture shows every
// room, the files that it names exist, and its ways lead through functions that stand
// in those files.
func TestDeveloping(t *testing.T) {
	page, err := os.ReadFile("../docs/developing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := fenced.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 4 {
		t.Fatalf("there are %d blocks: not a picture and three ways", len(blocks))
	}
	shown := foldersOf(blocks[0][1])
	for _, folder := range shown {
		if info, err := os.Stat(filepath.Join("..", folder)); err != nil || !info.IsDir() {
			t.Errorf("the picture shows %q, and there is no such folder", folder)
		}
	}
	for _, r := range rooms[1:] {
		if !slices.Contains(shown, r.path) {
			t.Errorf("the picture does not show %q", r.path)
		}
	}
	for _, way := range blocks[1:] {
		for line := range strings.Lines(way[1]) {
			checkStep(t, strings.TrimSpace(line))
		}
	}
	for _, q := range quoted.FindAllStringSubmatch(fenced.ReplaceAllString(string(page), ""), -1) {
		if !isFile.MatchString(q[1]) {
			continue
		}
		found, err := filepath.Glob(filepath.Join("..", variables.ReplaceAllString(q[1], "*")))
		if err != nil || len(found) == 0 {
			t.Errorf("%s is named, and there is no such file", q[0])
		}
	}
}

// foldersOf are the paths of the folders in the picture, which indents what is inside
// another.
func foldersOf(picture string) (all []string) {
	var path []string
	for line := range strings.Lines(picture) {
		name := strings.Fields(line)[0]
		if !strings.HasSuffix(name, "/") {
			continue
		}
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		path = append(path[:depth], strings.TrimSuffix(name, "/"))
		all = append(all, strings.Join(path, "/"))
	}
	return all
}

// checkStep looks whether a file has the functions that a line of a way names.
func checkStep(t *testing.T, line string) {
	t.Helper()
	cells := spaces.Split(line, 3)
	if len(cells) < 2 {
		t.Errorf("%q is not a file, its functions and what they do", line)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", cells[0]), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("%q: %v", line, err)
		return
	}
	for _, name := range strings.Split(cells[1], ", ") {
		if !slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
			f, ok := d.(*ast.FuncDecl)
			return ok && strings.TrimPrefix(receiver(f)+"."+f.Name.Name, ".") == name
		}) {
			t.Errorf("%s has no function %s", cells[0], name)
		}
	}
}
