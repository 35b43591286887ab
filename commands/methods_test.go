package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// mostMethods is how many methods a type has at most. One with more has several
// subjects, or its methods are functions that use little of it.
const mostMethods = 25

// manyMethods are the types that may have more. Both are lists of the database's
// questions and changes, in files by subject.
var manyMethods = map[string]bool{"store.Store": true, "store.Reader": true}

// TestMethods counts the methods that types declare, on all systems together.
func TestMethods(t *testing.T) {
	count := map[string]int{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../")))
		for _, name := range receivers(file) {
			count[folder+"."+name]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range count {
		if n > mostMethods && !manyMethods[name] {
			t.Errorf("%s has %d methods, more than %d", name, n, mostMethods)
		}
	}
	for name := range manyMethods {
		if count[name] <= mostMethods {
			t.Errorf("%s has only %d methods, and needs no exception", name, count[name])
		}
	}
}

// receivers are the types of the methods in a file, one for each method.
func receivers(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
			names = append(names, receiver(f))
		}
	}
	return names
}

// receiver is the type that a method belongs to, "" for a function.
func receiver(f *ast.FuncDecl) (name string) {
	if f.Recv == nil {
		return ""
	}
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name // the first one: parameters of a generic type follow it
		}
		return name == ""
	})
	return name
}
