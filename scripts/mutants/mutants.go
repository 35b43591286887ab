package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// mutant is one change of the code.
type mutant struct {
	id       int
	file     string // relative to the module
	line     int
	function string
	change   string // the code → what it becomes
}

func (m mutant) place() string { return fmt.Sprintf("%s:%d", m.file, m.line) }

// edit puts text around a piece of a file, and in place of an operator in it. The
// functions that it calls are in switch.txt.
type edit struct {
	from, to      int
	before, after string
	operator      [2]int // its place, replaced by a comma; {0, 0} when there is none
}

// finder looks for the mutants of one file.
type finder struct {
	*source
	file     *sourceFile
	function string
	next     *int // the number of the next mutant
	mutants  []mutant
	edits    []edit
}

// find returns the mutants of a file, and the file's text with all of them.
func (s *source) find(file *sourceFile, next *int) ([]mutant, []byte) {
	f := &finder{source: s, file: file, next: next}
	for _, d := range file.tree.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.function = fn.Name.Name
			f.walk(fn.Body, fn.Type)
		}
	}
	return f.mutants, apply(file.text, f.edits)
}

// walk visits the statements of a function; it needs the function's results.
func (f *finder) walk(body *ast.BlockStmt, fn *ast.FuncType) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.walk(n.Body, n.Type)
			return false
		case *ast.DeclStmt: // constants and types
			return n.Decl.(*ast.GenDecl).Tok == token.VAR
		case *ast.ArrayType, *ast.StructType, *ast.MapType, *ast.FuncType, *ast.InterfaceType:
			return false
		case *ast.BlockStmt:
			f.statements(n.List)
		case *ast.CommClause:
			f.statements(n.Body)
		case *ast.CaseClause:
			f.statements(n.Body)
		case *ast.SwitchStmt:
			if n.Tag == nil {
				for _, c := range n.Body.List {
					for _, e := range c.(*ast.CaseClause).List {
						f.condition(e, true)
					}
				}
			}
		case *ast.IfStmt:
			f.condition(n.Cond, true)
		case *ast.ForStmt:
			if n.Cond != nil {
				f.condition(n.Cond, false) // an always true condition would never end
			}
		case *ast.ReturnStmt:
			f.results(n, fn)
		case *ast.BinaryExpr:
			f.operator(n)
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "make" {
				return len(n.Args) == 2 // the capacity is not observable
			}
			if !f.info.Types[n.Fun].IsType() && !isUnseen(n.Fun) {
				f.constants(n.Args...)
			}
		case *ast.SliceExpr:
			f.constants(n.Low, n.High)
		case *ast.IndexExpr:
			f.constants(n.Index)
		case *ast.AssignStmt:
			f.constants(n.Rhs...)
		}
		return true
	})
}

// isUnseen says whether a function takes numbers without an observable effect: sizes
// of buffers, bases and bit sizes.
func isUnseen(fn ast.Expr) bool {
	s, ok := fn.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	name, ok := s.X.(*ast.Ident)
	return ok && (name.Name == "bufio" || name.Name == "strconv")
}

func (f *finder) text(n ast.Node) string {
	from, to := f.offsets(n)
	return strings.Join(strings.Fields(string(f.file.text[from:to])), " ")
}

func (f *finder) offsets(n ast.Node) (from, to int) {
	return f.fset.Position(n.Pos()).Offset, f.fset.Position(n.End()).Offset
}

// add numbers a mutant.
func (f *finder) add(n ast.Node, becomes string) int {
	*f.next++
	change := f.text(n)
	if len(change) > 160 {
		change = change[:160] + "…"
	}
	f.mutants = append(f.mutants, mutant{*f.next, f.file.name, f.fset.Position(n.Pos()).Line, f.function, change + " → " + becomes})
	return *f.next
}

// around puts a call around a node.
func (f *finder) around(n ast.Node, before, after string) {
	from, to := f.offsets(n)
	f.edits = append(f.edits, edit{from: from, to: to, before: before, after: after})
}

// condition makes a condition false and, where possible, true.
func (f *finder) condition(e ast.Expr, mayBeTrue bool) {
	if !f.isBool(e) {
		return
	}
	no, yes := f.add(e, "false"), 0
	if mayBeTrue {
		yes = f.add(e, "true")
	}
	f.around(e, fmt.Sprintf("mutantBool(%d, %d, ", no, yes), ")")
}

// isBool says whether an expression has type bool and is not a constant.
func (f *finder) isBool(e ast.Expr) bool {
	t := f.info.Types[e]
	return t.Value == nil && t.Type != nil && (t.Type == types.Typ[types.Bool] || t.Type == types.Typ[types.UntypedBool])
}

// boundary and swapped are what an operator becomes.
var (
	boundary = map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR}
	swapped  = map[token.Token]token.Token{token.ADD: token.SUB, token.SUB: token.ADD, token.AND: token.OR, token.OR: token.AND}
)

func (f *finder) operator(n *ast.BinaryExpr) {
	t := f.info.Types[n]
	if t.Value != nil || t.Type == nil {
		return
	}
	switch {
	case n.Op == token.LAND:
		for _, e := range []ast.Expr{n.X, n.Y} {
			f.operand(n.Op, e, "true", "mutantBool(0, %d, ")
		}
	case n.Op == token.LOR:
		for _, e := range []ast.Expr{n.X, n.Y} {
			f.operand(n.Op, e, "false", "mutantBool(%d, 0, ")
		}
	case boundary[n.Op] != 0 && f.info.Types[n.X].Type.String() == "time.Duration":
		// No test is exact to the nanosecond.
	case boundary[n.Op] != 0 && f.isBasic(n.X, types.IsOrdered) && f.isBasic(n.Y, types.IsOrdered):
		f.infix(n, "mutantCompare", boundary[n.Op])
	case swapped[n.Op] != 0 && f.isBasic(n.X, types.IsInteger) && f.isBasic(n.Y, types.IsInteger):
		f.infix(n, "mutantCount", swapped[n.Op])
	}
}

// operand removes one operand of && or ||; in a longer chain, each by itself.
func (f *finder) operand(op token.Token, e ast.Expr, becomes, before string) {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == op || !f.isBool(e) {
		return
	}
	f.around(e, fmt.Sprintf(before, f.add(e, becomes)), ")")
}

func (f *finder) isBasic(e ast.Expr, want types.BasicInfo) bool {
	t := f.info.Types[e].Type
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	_, generic := t.(*types.TypeParam)
	return ok && !generic && basic.Info()&want != 0
}

func (f *finder) infix(n *ast.BinaryExpr, call string, becomes token.Token) {
	id := f.add(n, fmt.Sprintf("%s %s %s", f.text(n.X), becomes, f.text(n.Y)))
	from, to := f.offsets(n)
	at := f.fset.Position(n.OpPos).Offset
	f.edits = append(f.edits, edit{
		from: from, to: to, before: fmt.Sprintf("%s(%d, %q, ", call, id, n.Op), after: ")",
		operator: [2]int{at, at + len(n.Op.String())},
	})
}

// constants adds one to whole numbers, except in comparisons, which boundary covers.
func (f *finder) constants(all ...ast.Expr) {
	for _, e := range all {
		if e == nil {
			continue
		}
		t := f.info.Types[e]
		basic, ok := t.Type.(*types.Basic)
		if !ok || t.Value == nil || basic.Info()&types.IsInteger == 0 || basic.Info()&types.IsUntyped != 0 {
			continue
		}
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.CHAR {
			continue
		}
		id := f.add(e, f.text(e)+" + 1")
		f.around(e, fmt.Sprintf("mutantInt(%d, %s(", id, basic.Name()), "))")
	}
}

// results changes returned errors and conditions.
func (f *finder) results(n *ast.ReturnStmt, fn *ast.FuncType) {
	if fn.Results == nil {
		return
	}
	var want []ast.Expr
	for _, field := range fn.Results.List {
		for range max(1, len(field.Names)) {
			want = append(want, field.Type)
		}
	}
	if len(want) != len(n.Results) {
		return
	}
	for i, e := range n.Results {
		t := f.info.Types[e]
		switch name, _ := want[i].(*ast.Ident); {
		case name == nil:
		case name.Name == "error" && !t.IsNil():
			f.around(e, fmt.Sprintf("mutantError(%d, ", f.add(e, "nil")), ")")
		case name.Name == "bool":
			f.condition(e, true)
		case !f.fails(n): // no caller looks at what comes with an error
			f.constants(e)
		}
	}
}

// fails says whether a return statement returns an error.
func (f *finder) fails(n *ast.ReturnStmt) bool {
	last := f.info.Types[n.Results[len(n.Results)-1]]
	return !last.IsNil() && last.Type != nil && types.Implements(last.Type, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}

// statements removes statements with an effect.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		if !f.droppable(s) {
			continue
		}
		f.around(s, fmt.Sprintf("if mutantKeep(%d) { ", f.add(s, "dropped")), " }")
	}
}

func (f *finder) droppable(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		name, ok := s.Lhs[0].(*ast.Ident)
		return s.Tok != token.DEFINE && !(ok && name.Name == "_")
	case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt:
		return true
	case *ast.BranchStmt:
		return s.Tok == token.CONTINUE || s.Tok == token.BREAK
	case *ast.DeferStmt:
		return !f.housekeeping(s.Call)
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		return ok && !f.housekeeping(call)
	}
	return false
}

// tidy are calls whose absence no test notices reliably: they release something, or
// lock others out.
var tidy = []string{"Close", "Lock", "Unlock", "RLock", "RUnlock", "Rollback", "Stop", "Done", "Add", "Wait", "Grow", "clear", "close", "panic", "cancel", "stop"}

// housekeeping says whether a call is tidy or writes to the log.
func (f *finder) housekeeping(call *ast.CallExpr) bool {
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		return slices.Contains(tidy, fn.Name)
	case *ast.SelectorExpr:
		t := f.info.Types[fn.X].Type
		return slices.Contains(tidy, fn.Sel.Name) || t != nil && t.String() == "*log/slog.Logger"
	}
	return false
}

// apply makes all edits. Of those that begin at one place the longest comes first, of
// those that end there it comes last, and ends come before beginnings.
func apply(text []byte, edits []edit) []byte {
	type piece struct {
		at, until int
		order     int // of several at one place
		text      string
	}
	var all []piece
	for _, e := range edits {
		length := e.to - e.from
		all = append(all, piece{e.from, e.from, len(text) - length, e.before}, piece{e.to, e.to, length - len(text), e.after})
		if e.operator[1] > 0 {
			all = append(all, piece{e.operator[0], e.operator[1], 0, ","})
		}
	}
	slices.SortStableFunc(all, func(a, b piece) int { return cmp.Or(a.at-b.at, a.order-b.order) })
	var out bytes.Buffer
	at := 0
	for _, p := range all {
		out.Write(text[at:p.at])
		out.WriteString(p.text)
		at = p.until
	}
	out.Write(text[at:])
	return out.Bytes()
}
