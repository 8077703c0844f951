package bundle

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestSentences: each code that a report is made of has a sentence with as many values as
// are given to it, and none is there for nothing.
func TestSentences(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	known, used := sentences(), map[string]bool{}
	first := map[string]int{"fail": 2, "doubt": 2, "say": 2, "note": 1, "pass": 1, "skip": 1} // where the code stands
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			var name string
			switch called := call.Fun.(type) {
			case *ast.SelectorExpr:
				name = called.Sel.Name
			case *ast.Ident:
				name = called.Name
			}
			if first[name] == 0 || len(call.Args) <= first[name] {
				return true
			}
			literal, ok := call.Args[first[name]].(*ast.BasicLit)
			if !ok {
				return true
			}
			code, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			used[code] = true
			if gaps := strings.Count(known[code], "%"); known[code] == "" || gaps != len(call.Args)-first[name]-1 {
				t.Errorf("%s: %q with %d gaps in %q", fset.Position(call.Pos()), code, gaps, known[code])
			}
			return true
		})
	}
	for code := range known {
		if !used[code] {
			t.Errorf("nothing says %s", code)
		}
	}
}
