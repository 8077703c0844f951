package hub_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryEventIsIssued: the services name each event that there is. What reads evidence
// does not count.
func TestEveryEventIsIssued(t *testing.T) {
	named := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == "audit" || path == "hubtest"):
			return filepath.SkipDir
		case path == "evidence.go" || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			ast.Inspect(file, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					named[id.Name] = true
				}
				return true
			})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "evidence.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Event" {
			events++
			if name := spec.Names[0].Name; !named[name] {
				t.Errorf("%s is issued by no service", name)
			}
		}
		return true
	})
	if events < 20 {
		t.Errorf("%d events were found", events)
	}
}
