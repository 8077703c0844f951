package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The rules of layers_test.go must be able to fail: each row is a small source
// that breaks exactly one of them, or none.
func TestLayerRulesCanFail(t *testing.T) {
	const doc = "// Package x is fine.\npackage x\n"
	longFile := doc + strings.Repeat("//\n", maxFileLines)
	longFunction := doc + "func f() {\n" + strings.Repeat("\n", maxFunctionLines) + "}\n"
	tests := []struct {
		name, file, text string
		want             string // part of the one finding; "" for none
	}{
		{"clean", "hub/x.go", doc + "import \"fmt\"\nfunc f() { fmt.Println() }\n", ""},
		{"folder off the map", "elsewhere/x.go", doc, "not on the map"},
		{"hub imports a service", "hub/x.go", doc + ours("hub/intake"), "must not import"},
		{"service imports a service", "hub/intake/x.go", doc + ours("hub/directory"), "must not import"},
		{"service imports hub", "hub/intake/x.go", doc + ours("hub"), ""},
		{"adapter imports a service", "adapters/httpapi/x.go", doc + ours("hub/intake"), "must not import"},
		{"adapter imports an adapter", "adapters/httpapi/x.go", doc + ours("adapters/edxml"), "must not import"},
		{"adapter imports its own part", "adapters/httpapi/x.go", doc + ours("adapters/httpapi/page"), ""},
		{"adapter imports signing", "adapters/edxml/x.go", doc + ours("signing"), "must not import"},
		{"pure signing imports hub", "signing/jose/x.go", doc + ours("hub"), "must not import"},
		{"signing façade imports hub", "signing/x.go", doc + ours("hub"), ""},
		{"store imports a store", "storage/sqlite/x.go", doc + ours("storage/blobdir"), "must not import"},
		{"store imports the suite", "storage/sqlite/x.go", doc + ours("storage/storagetest"), "must not import"},
		{"store test imports the suite", "storage/sqlite/x_test.go", doc + ours("storage/storagetest"), ""},
		{"wiring imports everything", "cmd/lienthong/internal/app/x.go", doc + ours("storage/sqlite"), ""},
		{"guest in its room", "adapters/amqp/x.go", doc + "import \"github.com/rabbitmq/amqp091-go\"\n", ""},
		{"guest outside its room", "hub/delivery/x.go", doc + "import \"github.com/rabbitmq/amqp091-go\"\n", "must not import"},
		{"pdfsign in the wiring", "cmd/lienthong/x.go", doc + "import \"github.com/digitorus/pdfsign/sign\"\n", "must not import"},
		{"unknown guest", "storage/sqlite/x.go", doc + "import \"example.org/x\"\n", "must not import"},
		{"test tool in code", "hub/x.go", doc + "import \"pgregory.net/rapid\"\n", "must not import"},
		{"test tool in a test", "hub/x_test.go", doc + "import \"pgregory.net/rapid\"\n", ""},
		{"blank import", "adapters/edxml/x.go", doc + "import _ \"image/png\"\n", "hides"},
		{"driver in a store", "storage/sqlite/x.go", doc + "import _ \"modernc.org/sqlite\"\n", ""},
		{"dot import", "hub/x.go", doc + "import . \"fmt\"\n", "hides"},
		{"no package comment", "hub/x.go", "package x\n", "no package comment"},
		{"empty name", "adapters/util/x.go", doc, "says nothing"},
		{"too deep", "cmd/lienthong/internal/app/more/x.go", doc, "folders deep"},
		{"init", "hub/x.go", doc + "func init() {}\n", "init()"},
		{"state", "hub/x.go", doc + "var counter int\n", "is state"},
		{"number that should be constant", "hub/x.go", doc + "var limit = 5\n", "is state"},
		{"function table", "hub/x.go", doc + "var table = map[int]func(){1: func() {}}\n", "is state"},
		{"registry", "hub/x.go", doc + "var table = map[int]string{}\nfunc Register() { table[1] = \"\" }\n", "is state"},
		{"address taken", "hub/x.go", doc + "var table = [1]int{1}\nfunc f() *int { return &table[0] }\n", "is state"},
		{"constant table", "hub/x.go", doc + "var table = map[int]string{1: \"a\"}\nfunc f() string { return table[1] }\n", ""},
		{"sentinel", "hub/x.go", doc + "import \"errors\"\nvar ErrX = errors.New(\"x\")\n", ""},
		{"assertion", "hub/x.go", doc + "var _ error = (*t)(nil)\n", ""},
		{"embedded", "schemas/x.go", doc + "import _ \"embed\"\n//go:embed a.txt\nvar a string\n", ""},
		{"mutant", "storage/internal/fault/x.go", "//go:build mutants\n\n" + doc + "var on = f()\n", ""},
		{"long file", "hub/x.go", longFile, "lines, at most"},
		{"long test file", "hub/x_test.go", longFile, ""},
		{"large interface", "hub/x.go", doc + "type i interface { a(); b(); c(); d(); e(); f() }\n", "6 methods"},
		{"large interface of the suite", "storage/storagetest/x.go", doc + "type i interface { a(); b(); c(); d(); e(); f() }\n", ""},
		{"long functions", "hub/x.go", longFunction, "one function in ten"},
	}
	for _, tt := range tests {
		findings := inspect([]source{parseSource(t, tt.file, tt.text)})
		switch {
		case tt.want == "" && len(findings) > 0:
			t.Errorf("%s: unexpected finding %q", tt.name, findings)
		case tt.want != "" && (len(findings) != 1 || !strings.Contains(findings[0], tt.want)):
			t.Errorf("%s: findings %q, want one with %q", tt.name, findings, tt.want)
		}
	}
}

func ours(folder string) string { return fmt.Sprintf("import \"%s/%s\"\n", modulePath, folder) }

func TestImportDepthCanFail(t *testing.T) {
	chain := []string{"signing/a", "signing/b", "signing/c", "signing/d", "signing/e"}
	var sources []source
	for i, folder := range chain {
		text := "// Package x is fine.\npackage x\n"
		if i+1 < len(chain) {
			text += ours(chain[i+1])
		}
		sources = append(sources, parseSource(t, folder+"/x.go", text))
	}
	if findings := inspect(sources[1:]); len(findings) != 0 {
		t.Errorf("four packages on top of one another: %q", findings)
	}
	findings := inspect(sources)
	if !slices.ContainsFunc(findings, func(f string) bool { return strings.Contains(f, "5 packages on top of one another") }) {
		t.Errorf("five packages on top of one another pass: %q", findings)
	}
}
