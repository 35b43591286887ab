package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWrites holds that no command changes the database by itself: it asks the
// Reader, and has the rules of enroll make every change, so that operators and
// phones obey the same ones. A command opens the Store and hands it to the rules;
// it calls no method of it but those that change nothing.
func TestWrites(t *testing.T) {
	harmless := map[string]bool{"Close": true, "Rehearsal": true}
	files, info, fset := checkedCommands(t)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			chosen := info.Selections[call]
			if chosen == nil || chosen.Kind() == types.FieldVal {
				return true
			}
			method := chosen.Obj().(*types.Func)
			receiver := method.Signature().Recv().Type()
			if receiver.String() == "*capf/store.Store" && !harmless[method.Name()] {
				at := fset.Position(call.Pos())
				t.Errorf("%s:%d: store.%s is a change, which a rule of enroll has to make", filepath.Base(at.Filename), at.Line, method.Name())
			}
			return true
		})
	}
}

// TestApprovalDoor holds that what may need another operator's approval goes through
// approval.Desk, whichever command does it.
func TestApprovalDoor(t *testing.T) {
	guarded := map[string]bool{
		"(capf/enroll/authority.TrustStores).Upload": true, "(capf/enroll/authority.TrustStores).Edit": true,
		"(capf/enroll/authority.TrustStores).Delete": true, "(capf/enroll/authority.TrustStores).Apply": true,
		"(capf/enroll/authority.CAPF).UploadChain": true, "(capf/enroll/authority.CAPF).Regenerate": true, "(capf/enroll/authority.CAPF).GiveUp": true,
		"(capf/enroll/lists.Signing).Init": true, "(capf/enroll/lists.Signing).Import": true, "(capf/enroll/lists.Signing).Rotate": true, "(capf/enroll/lists.Signing).CancelRotation": true,
		"(capf/enroll/lists.Members).Add": true, "(capf/enroll/lists.Members).Delete": true,
		"capf/enroll/settings.Set": true, "capf/enroll/settings.Apply": true, "capf/enroll/settings.SetSecret": true,
	}
	files, info, fset := checkedCommands(t)
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			if method, ok := info.Uses[id].(*types.Func); ok && guarded[method.FullName()] {
				at := fset.Position(id.Pos())
				t.Errorf("%s:%d: %s may need another operator's approval: approval.Desk has a method for it", filepath.Base(at.Filename), at.Line, id.Name)
			}
			return true
		})
	}
}

// checkedCommands is package commands with its types, from what the go command
// has built.
func checkedCommands(t *testing.T) ([]*ast.File, *types.Info, *token.FileSet) {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "capf/commands").Output()
	if err != nil {
		t.Fatal(err)
	}
	type built struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	all := map[string]built{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p built
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
	fset := token.NewFileSet()
	var files []*ast.File
	self := all["capf/commands"]
	for _, name := range self.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(self.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(all[path].Export) })}
	if _, err := config.Check("capf/commands", fset, files, info); err != nil {
		t.Fatal(err)
	}
	return files, info, fset
}
