package hub_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The page of promises is worth what its tests are worth: every test, folder and
// file that it names must exist.
func TestThisPageNamesRealTests(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests []string
	for _, s := range moduleSources(t, "..") {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				tests = append(tests, f.Name.Name)
			}
		}
	}
	named := regexp.MustCompile(`Test[A-Z]\w+`).FindAllString(string(page), -1)
	if len(named) < 20 {
		t.Errorf("only %d tests named", len(named))
	}
	for _, name := range named {
		if !slices.Contains(tests, name) {
			t.Errorf("there is no test %s", name)
		}
	}
	for _, name := range regexp.MustCompile("`((?:hub|storage|signing|adapters|cmd)/[a-z/]+)`").FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(filepath.Join("..", name[1])); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(link[1]); err != nil && !strings.Contains(link[1], "://") {
			t.Errorf("%v", err)
		}
	}
	for _, state := range []string{"queued", "consigned", "handed_over", "accepted", "refused", "failed", "expired", "withdrawn"} {
		if !strings.Contains(string(page), state) {
			t.Errorf("the page does not explain the state %s", state)
		}
	}
}
