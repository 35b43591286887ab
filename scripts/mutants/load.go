package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	Export     string // the file with the types of what it exports
	DepOnly    bool
	Rel        string            `json:"-"` // the folder, relative to the module
	exports    map[string]string // by import path, for everything that it is built from
}

// list asks go list for packages and what they are built from, without those made for
// tests.
func list(ctx context.Context, patterns []string) ([]goPackage, error) {
	root, err := goList(ctx, "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	out, err := goList(ctx, append([]string{"-export", "-deps", "-json=ImportPath,Dir,Name,GoFiles,Export,DepOnly"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if p.DepOnly || len(p.GoFiles) == 0 || strings.HasSuffix(p.Name, "test") {
			continue
		}
		if p.Rel, err = filepath.Rel(strings.TrimSpace(root), p.Dir); err != nil {
			return nil, err
		}
		p.exports = exports
		packages = append(packages, p)
	}
	return packages, nil
}

func goList(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return string(out), nil
}

// source is a package with its types.
type source struct {
	fset  *token.FileSet
	files []sourceFile
	info  *types.Info
}

type sourceFile struct {
	path string
	name string // relative to the module
	text []byte
	tree *ast.File
}

// load reads the files of a package, without its tests.
func load(p goPackage) (*source, error) {
	s := &source{fset: token.NewFileSet(), info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}}
	var trees []*ast.File
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(s.fset, path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, sourceFile{path, filepath.Join(p.Rel, name), text, tree})
		trees = append(trees, tree)
	}
	config := types.Config{Importer: importer.ForCompiler(s.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(p.exports[path])
	})}
	_, err := config.Check(p.ImportPath, s.fset, trees, s.info)
	return s, err
}
