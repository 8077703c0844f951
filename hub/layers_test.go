package hub_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// This file is the map of the rooms, and the build fails where the code leaves it.
// It reads sources only (every build tag alike) and builds nothing.

const modulePath = "github.com/lienthong/lienthong"

// room says what the packages of one folder may import besides the standard
// library. A pattern is a folder, or with /... a folder and all below it; "."
// stands for the folder of the room itself and all below it.
type room struct {
	folder string   // a pattern; the longest one that fits a package decides
	ours   []string // folders of this module
	tests  []string // what _test.go files may import in addition
}

func rooms() []room {
	return []room{
		{"hub", nil, []string{"hub/..."}}, // the example of the flow walks through the services
		{"hub/directory", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/accounts", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/figures", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/lists", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/calendar", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/procedures", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/dossiers", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/evaluation", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/inspection", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/post", []string{"hub"}, []string{"hub/hubtest", "hub/intake", "hub/tracking", "hub/delivery", "hub/audit"}}, // what it does with documents
		{"hub/reports", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/numbering", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/law", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/enrolment", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/intake", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/delivery", []string{"hub"}, []string{"hub/hubtest", "hub/audit"}},
		{"hub/tracking", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/alerts", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/traffic", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/push", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/connection", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/tasks", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/signrules", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/handover", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/routing", []string{"hub"}, []string{"hub/hubtest", "hub/intake", "hub/tracking"}}, // plays what a rule does
		{"hub/validation", []string{"hub"}, []string{"hub/hubtest", "hub/audit"}},
		{"hub/relay", []string{"hub"}, []string{"hub/hubtest", "hub/intake", "hub/tracking", "hub/delivery", "hub/audit"}}, // its acts are those of the services
		{"hub/sealing", []string{"hub"}, nil},
		{"hub/retention", []string{"hub"}, []string{"hub/hubtest", "hub/audit", "hub/intake", "hub/tracking", "hub/delivery"}},
		{"hub/audit", []string{"hub"}, []string{"hub/hubtest"}},
		{"hub/audit/bundle", []string{"hub", "hub/audit"}, nil},
		{"hub/hubtest", []string{"hub"}, []string{"hub/..."}}, // plays all services together
		{"hub/hubtest/frozen", nil, nil},                      // also for hubproc, which is no test
		{"hub/hubtest/server", []string{"hub/hubtest/frozen"}, nil},
		{"adapters/...", []string{"hub", "schemas/...", "adapters/internal/...", "."}, []string{"adapters/carriertest", "hub/hubtest/server"}},
		{"signing", []string{"hub", "signing/..."}, nil},
		{"signing/...", []string{"signing/..."}, nil},
		{"signing/report", []string{"hub"}, nil}, // the words of the hub, for the outside
		{"storage/...", []string{"hub", "storage/internal/...", "."}, []string{"storage/storagetest", "hub/hubtest/server"}},
		{"schemas/...", []string{"."}, nil},
		{"cmd/lienthong/...", []string{"hub/...", "adapters/...", "signing/...", "storage/...", "schemas/...", "cmd/lienthong/..."}, []string{"hub/hubtest/server"}},
	}
}

// guest is a third-party module and the rooms it may enter.
type guest struct {
	module string
	rooms  []string
	tests  []string // rooms whose tests may use it too
}

func guests() []guest {
	wiring, signing, stores := "cmd/lienthong/...", "signing/...", "storage/..."
	floor := "cmd/lienthong/internal/floor" // the hub is measured against it on the same servers
	return []guest{
		{"github.com/rabbitmq/amqp091-go", []string{"adapters/amqp", floor, "cmd/lienthong/deploy/amqpconsumer", "cmd/lienthong/internal/partner", "cmd/lienthong/internal/demo"}, []string{"cmd/lienthong"}},
		{"github.com/minio/minio-go", []string{"storage/s3", floor}, nil},
		{"github.com/jackc/pgx", []string{"storage/postgres", floor}, nil},
		{"modernc.org/sqlite", []string{"storage/sqlite"}, nil},
		{"github.com/pressly/goose", []string{stores}, nil},
		{"github.com/klauspost/compress", []string{stores, "adapters/..."}, nil},
		{"github.com/digitorus/pdfsign", []string{"signing/pdfsig"}, nil},
		{"github.com/digitorus/pdf", []string{"signing/pdfsig"}, nil},
		{"github.com/digitorus/pkcs7", []string{signing}, nil},
		{"github.com/digitorus/timestamp", []string{signing}, nil},
		{"software.sslmate.com/src/go-pkcs12", []string{"signing/token"}, []string{"cmd/lienthong/internal/cli"}},
		{"github.com/ThalesGroup/crypto11", []string{"signing/token"}, nil},
		{"github.com/beevik/etree", []string{"adapters/edxml"}, nil},
		{"github.com/gowebpki/jcs", []string{"signing/jose"}, nil},
		{"github.com/go-chi/chi", []string{"adapters/httpapi", "adapters/web", "adapters/vxp", "adapters/lgsp"}, nil},
		{"go.yaml.in/yaml", []string{"schemas"}, []string{"adapters/httpapi", "adapters/portal", "cmd/lienthong/deploy"}},
		{"golang.org/x/mod/sumdb", []string{"hub/audit"}, nil},
		{"golang.org/x/text", []string{"hub/accounts", "hub/directory", "hub/lists", "hub/routing", "hub/intake", "adapters/...", "signing/asic", "signing/appearance", "signing/letterhead", wiring}, nil},
		{"rsc.io/qr", []string{"adapters/internal/qrsvg", "adapters/internal/sheet"}, nil},
		{"github.com/coreos/go-oidc", []string{"adapters/oidc"}, nil},
		{"golang.org/x/net/netutil", []string{wiring}, nil},
		{"golang.org/x/oauth2", []string{"adapters/oidc"}, nil},
		{"golang.org/x/image", []string{"adapters/internal/sheet"}, nil},
		{"github.com/xuri/excelize", []string{"adapters/internal/sheet"}, nil},
		{"golang.org/x/sync", []string{"adapters/...", stores, wiring}, nil},
		{"golang.org/x/sys", []string{stores, wiring}, nil},
		{"golang.org/x/term", []string{wiring}, nil},
		{"golang.org/x/crypto", []string{signing, "adapters/...", "hub/accounts"}, nil},
		{"github.com/google/uuid", []string{wiring}, nil},
		{"github.com/prometheus/client_golang", []string{"cmd/lienthong/internal/telemetry"}, []string{"cmd/lienthong/internal/faulttest", "cmd/lienthong/internal/axistest"}},
		{"go.opentelemetry.io/otel", []string{"cmd/lienthong/internal/telemetry"}, nil},
		{"github.com/emersion/go-smtp", []string{"cmd/lienthong/internal/demo"}, []string{"adapters/mail", "cmd/lienthong"}}, // a mail server
		{"github.com/emersion/go-sasl", nil, []string{"adapters/mail", "cmd/lienthong"}},
		{"github.com/alecthomas/kong", []string{wiring}, nil},
		{"filippo.io/age", []string{"cmd/lienthong/internal/backup"}, nil},
		{"github.com/mattn/go-isatty", []string{wiring}, nil},
		{"codeberg.org/go-pdf/fpdf", []string{wiring}, []string{"signing/..."}},
		{"github.com/go-fonts/liberation", []string{"adapters/internal/sheet", "signing/appearance", wiring}, []string{"signing/..."}},
	}
}

// testTools may be imported by tests and by the packages that exist for tests.
func testTools() []string {
	return []string{
		"pgregory.net/rapid", "github.com/google/go-cmp", "go.uber.org/goleak",
		"github.com/rogpeppe/go-internal", "github.com/santhosh-tekuri/jsonschema", "github.com/anishathalye/porcupine",
		"github.com/Shopify/toxiproxy", "github.com/rs/zerolog", "github.com/chromedp/chromedp", "github.com/chromedp/cdproto",
	}
}

func testPackages() []string {
	return []string{"hub/hubtest", "hub/hubtest/server", "storage/storagetest", "adapters/carriertest"}
}

// The measures that keep the code readable.
const (
	maxFolderDepth   = 4   // hub is 1, cmd/lienthong/internal/app is 4
	maxImportDepth   = 4   // packages below one another, the wiring left out
	maxFileLines     = 600 // tests may be longer
	maxMethods       = 5   // of an interface
	maxFunctionLines = 45  // nine of ten functions
)

func TestLayers(t *testing.T) {
	sources := moduleSources(t, "..")
	if len(sources) < 20 {
		t.Fatalf("only %d sources found: the walk is broken", len(sources))
	}
	for _, finding := range inspect(sources) {
		t.Error(finding)
	}
}

// source is one parsed Go file.
type source struct {
	name   string // from the module root, with slashes
	folder string
	test   bool
	lines  int
	fset   *token.FileSet
	file   *ast.File
}

func (s *source) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(pos).Line)
}

func moduleSources(t *testing.T, root string) []source {
	t.Helper()
	var sources []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		if entry.IsDir() {
			hidden := strings.HasPrefix(entry.Name(), ".") && rel != "."
			if hidden || entry.Name() == "testdata" || rel == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ".go") {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			sources = append(sources, parseSource(t, filepath.ToSlash(rel), string(text)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func parseSource(t *testing.T, name, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{
		name: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		lines: strings.Count(text, "\n"), fset: fset, file: file,
	}
}

// inspect applies every rule and returns what breaks one.
func inspect(sources []source) []string {
	var findings []string
	for i := range sources {
		s := &sources[i]
		findings = append(findings, checkImports(s)...)
		findings = append(findings, checkInterfaces(s)...)
		findings = append(findings, checkInit(s)...)
		if !s.test && s.lines > maxFileLines {
			findings = append(findings, fmt.Sprintf("%s: %d lines, at most %d", s.name, s.lines, maxFileLines))
		}
	}
	for folder, files := range byFolder(sources) {
		findings = append(findings, checkPackage(folder, files)...)
	}
	findings = append(findings, checkImportDepth(sources)...)
	findings = append(findings, checkFunctions(sources)...)
	slices.Sort(findings)
	return findings
}

func byFolder(sources []source) map[string][]*source {
	folders := map[string][]*source{}
	for i := range sources {
		folders[sources[i].folder] = append(folders[sources[i].folder], &sources[i])
	}
	return folders
}

// fits reports whether a folder lies in a pattern.
func fits(pattern, folder string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return folder == base || below && strings.HasPrefix(folder, base+"/")
}

func fitsAny(patterns []string, folder string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, folder) })
}

// roomOf returns the room of a folder: its own, else the longest pattern that fits.
func roomOf(folder string) (room, bool) {
	var best room
	for _, r := range rooms() {
		if r.folder == folder {
			return r, true
		}
		if fits(r.folder, folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best, best.folder != ""
}

func checkImports(s *source) []string {
	r, ok := roomOf(s.folder)
	if !ok {
		return []string{fmt.Sprintf("%s: the folder %s is not on the map of rooms", s.name, s.folder)}
	}
	var findings []string
	for _, spec := range s.file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if spec.Name != nil && (spec.Name.Name == "." || spec.Name.Name == "_" && !mayBeBlank(s, imported)) {
			findings = append(findings, fmt.Sprintf("%s: import %s %q hides what is wired", s.at(spec.Pos()), spec.Name.Name, imported))
		}
		if !mayImport(s, r, imported) {
			findings = append(findings, fmt.Sprintf("%s: %s must not import %s", s.at(spec.Pos()), s.folder, imported))
		}
	}
	return findings
}

// mayBeBlank reports whether an import for its effect is in order: the go:embed
// directive, hash functions, and the driver of a store.
func mayBeBlank(s *source, imported string) bool {
	return imported == "embed" || strings.HasPrefix(imported, "crypto/") || fits("storage/...", s.folder)
}

func mayImport(s *source, r room, imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return true // standard library
	}
	if folder, ours := strings.CutPrefix(imported, modulePath+"/"); ours {
		own := folder == s.folder && s.test // an external test imports its package
		return own || fitsAny(r.ours, folder) || s.test && fitsAny(r.tests, folder) ||
			slices.Contains(r.ours, ".") && sameAdapter(s.folder, folder)
	}
	if s.test || slices.Contains(testPackages(), s.folder) {
		if slices.ContainsFunc(testTools(), func(tool string) bool { return within(tool, imported) }) {
			return true
		}
	}
	return slices.ContainsFunc(guests(), func(g guest) bool {
		return within(g.module, imported) && (fitsAny(g.rooms, s.folder) || s.test && fitsAny(g.tests, s.folder))
	})
}

func within(module, imported string) bool {
	return imported == module || strings.HasPrefix(imported, module+"/")
}

// sameAdapter reports whether two folders belong to the same adapter, store or
// schema room: adapters/httpapi and adapters/httpapi/page do.
func sameAdapter(a, b string) bool {
	top := func(folder string) string {
		parts := strings.SplitN(folder, "/", 3)
		return strings.Join(parts[:min(len(parts), 2)], "/")
	}
	return top(a) == top(b)
}

// checkImportDepth checks how many of our packages stand on top of one another.
// The wiring (cmd) stands on all of them and does not count.
func checkImportDepth(sources []source) []string {
	below := map[string][]string{}
	for _, s := range sources {
		for _, spec := range s.file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if folder, ours := strings.CutPrefix(imported, modulePath+"/"); ours && !s.test {
				below[s.folder] = append(below[s.folder], folder)
			}
		}
	}
	var deepest func(folder string) []string
	deepest = func(folder string) []string {
		var longest []string
		for _, next := range below[folder] {
			if way := deepest(next); len(way) > len(longest) {
				longest = way
			}
		}
		return append([]string{folder}, longest...)
	}
	var findings []string
	for folder := range below {
		if way := deepest(folder); !fits("cmd/...", folder) && len(way) > maxImportDepth {
			findings = append(findings, fmt.Sprintf("%d packages on top of one another, at most %d: %s", len(way), maxImportDepth, strings.Join(way, " -> ")))
		}
	}
	return findings
}

func checkInterfaces(s *source) []string {
	if fits("storage/storagetest", s.folder) {
		return nil // one port per business act, all in one suite
	}
	var findings []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if i, ok := n.(*ast.InterfaceType); ok && countMethods(i) > maxMethods {
			findings = append(findings, fmt.Sprintf("%s: an interface of %d methods, at most %d", s.at(i.Pos()), countMethods(i), maxMethods))
		}
		return true
	})
	return findings
}

// countMethods counts an embedded interface as one method.
func countMethods(i *ast.InterfaceType) int {
	n := 0
	for _, field := range i.Methods.List {
		n += max(1, len(field.Names))
	}
	return n
}

func checkInit(s *source) []string {
	var findings []string
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			findings = append(findings, s.at(f.Pos())+": init() runs where nobody reads it")
		}
	}
	return findings
}

// checkPackage checks what concerns the files of a package together.
func checkPackage(folder string, files []*source) []string {
	var findings []string
	if depth := strings.Count(folder, "/") + 1; depth > maxFolderDepth {
		findings = append(findings, fmt.Sprintf("%s: %d folders deep, at most %d", folder, depth, maxFolderDepth))
	}
	if slices.Contains([]string{"util", "utils", "common", "helpers", "manager", "misc", "base"}, path.Base(folder)) {
		findings = append(findings, folder+": the name says nothing about what the package is for")
	}
	code := slices.DeleteFunc(slices.Clone(files), func(s *source) bool { return s.test })
	if len(code) > 0 && !slices.ContainsFunc(code, func(s *source) bool { return s.file.Doc.Text() != "" }) {
		findings = append(findings, folder+": no package comment")
	}
	for _, s := range code {
		findings = append(findings, checkVariables(s, code)...)
	}
	return findings
}

// checkVariables looks for package-level state that can change. It lets pass: error
// sentinels, compile-time assertions, embedded files, compiled patterns and
// templates, and tables without functions or calls that no statement of the package
// writes to. It can't see a write through an alias, nor one by another package to
// an exported table.
func checkVariables(s *source, files []*source) []string {
	if isMutant(s) {
		return nil
	}
	var findings []string
	for _, d := range s.file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR || isEmbedded(decl.Doc) {
			continue
		}
		for _, spec := range decl.Specs {
			v := spec.(*ast.ValueSpec)
			for i, name := range v.Names {
				if name.Name == "_" || isEmbedded(v.Doc) || isFixed(s, v, i) && !isWritten(name.Name, files) {
					continue
				}
				findings = append(findings, fmt.Sprintf("%s: package-level variable %s is state, or looks like it", s.at(name.Pos()), name.Name))
			}
		}
	}
	return findings
}

// isMutant reports whether a file is built only to show that tests can fail: its
// switches, set by the environment, break promises on purpose.
func isMutant(s *source) bool {
	return slices.ContainsFunc(s.file.Comments, func(g *ast.CommentGroup) bool {
		return g.End() < s.file.Package && slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return c.Text == "//go:build mutants" })
	})
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// isFixed reports whether the i-th variable of a declaration is of a kind that
// never changes.
func isFixed(s *source, v *ast.ValueSpec, i int) bool {
	name := v.Names[i].Name
	switch {
	case name == "version" && s.file.Name.Name == "main":
		return true // set by the linker
	case len(v.Values) != len(v.Names):
		return false
	}
	if call, ok := v.Values[i].(*ast.CallExpr); ok {
		sentinel := strings.HasPrefix(strings.ToLower(name), "err")
		return sentinel || slices.Contains([]string{"regexp.MustCompile", "template.Must"}, calleeName(call)) || isConversion(call)
	}
	return isTable(v.Values[i])
}

func calleeName(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		if pkg, ok := sel.X.(*ast.Ident); ok {
			return pkg.Name + "." + sel.Sel.Name
		}
	}
	return ""
}

// isConversion recognises []byte("...").
func isConversion(call *ast.CallExpr) bool {
	_, ok := call.Fun.(*ast.ArrayType)
	return ok
}

// isTable reports whether an expression is a composite of constants.
func isTable(e ast.Expr) bool {
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.AND {
		e = u.X
	}
	if _, ok := e.(*ast.CompositeLit); !ok {
		return false
	}
	plain := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			plain = false
		case *ast.CallExpr:
			plain = plain && isConversion(n)
		}
		return plain
	})
	return plain
}

// isWritten reports whether any statement of the package assigns to the name or
// to something below it, takes its address or deletes from it.
func isWritten(name string, files []*source) bool {
	written := false
	hit := func(e ast.Expr) { written = written || rootOf(e) == name }
	for _, s := range files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, left := range n.Lhs {
						hit(left)
					}
				}
			case *ast.IncDecStmt:
				hit(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					hit(n.X)
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, f.Name) {
					hit(n.Args[0])
				}
			}
			return !written
		})
	}
	return written
}

// rootOf returns the variable that an expression reaches into.
func rootOf(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// checkFunctions checks that nine of ten functions outside tests are short.
func checkFunctions(sources []source) []string {
	var lengths []int
	var long []string
	for i := range sources {
		s := &sources[i]
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			lengths = append(lengths, lines)
			if lines > maxFunctionLines {
				long = append(long, fmt.Sprintf("%s %s (%d)", s.at(f.Pos()), f.Name.Name, lines))
			}
		}
	}
	slices.Sort(lengths)
	if len(lengths) == 0 || lengths[(len(lengths)*9-1)/10] <= maxFunctionLines {
		return nil
	}
	return []string{fmt.Sprintf("one function in ten is longer than %d lines: %s", maxFunctionLines, strings.Join(long, ", "))}
}
