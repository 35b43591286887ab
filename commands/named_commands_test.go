package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
)

// TestNamedCommands holds that each command which a text of the program names, such as
// a hint, is one that there is, with flags that it has.
func TestNamedCommands(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\bcapf [a-z](?:[^,;:()"` + "`" + `\n.]|\.[^ ])*`)
	seen := 0
	check(t, filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "scripts/") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			check(t, err)
			for _, line := range named.FindAllString(strings.ReplaceAll(text, "\n", " "), -1) {
				seen++
				if wrong := wrongCommand(strings.Fields(line)[1:]); wrong != "" {
					t.Errorf("%s: %q: %s", fset.Position(n.Pos()), line, wrong)
				}
			}
			return true
		})
		return nil
	}))
	if seen < 100 {
		t.Errorf("only %d commands were found", seen)
	}
}

// wrongCommand says what is wrong with a command in a text, which may go on after it. A
// sentence about capf names none.
func wrongCommand(words []string) string {
	c := tree(nil)
	for _, word := range words {
		var next *cmdline.Command
		for i := range c.Commands {
			if c.Commands[i].Name == word {
				next = &c.Commands[i]
			}
		}
		switch {
		case next != nil:
			c = next
			continue
		case c.Name == "capf", c.Commands == nil, strings.HasPrefix(word, "--"):
		case strings.HasPrefix(word, "%"), word == "COMMAND":
		default:
			return strconv.Quote(c.Name) + " has no command " + strconv.Quote(word)
		}
		break
	}
	if c.Name == "capf" || c.Commands != nil {
		return ""
	}
	for _, word := range words {
		flag, ok := strings.CutPrefix(word, "--")
		if !ok || flag == "help" {
			continue
		}
		known := false
		for _, f := range c.AllFlags() {
			known = known || f.Names()[0] == strings.TrimRight(flag, ".'s") || f.Names()[0] == flag
		}
		if !known {
			return c.Name + " has no flag --" + flag
		}
	}
	return ""
}
