package portal

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
)

// TestTexts: each text that a page asks for is there in both languages, with the same gaps,
// and none is there for nothing.
func TestTexts(t *testing.T) {
	texts, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"search.none", "next"}
	add := func(prefix string, names ...string) {
		for _, name := range names {
			wanted = append(wanted, prefix+name)
		}
	}
	names, err := fs.Glob(templates, "templates/*")
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`\.T "([^"]+)"`)
	for _, name := range names {
		raw, err := templates.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range asked.FindAllStringSubmatch(string(raw), -1) {
			add("", found[1])
		}
		if page, ok := strings.CutPrefix(name, "templates/page_"); ok {
			add("title.", strings.TrimSuffix(page, ".html.tmpl"))
		}
	}
	for s := range int(hub.DossierReturned) + 1 {
		add("status.", strings.TrimSpace((&view{x: &exchange{site: &site{texts: catalogues{}}}}).Status(hub.DossierStatus(s))[len("status."):]))
	}
	for _, l := range hub.Levels() {
		add("level.", string(l))
	}
	for _, u := range hub.LimitUnits() {
		add("limit.", string(u))
	}
	for _, c := range hub.DossierChannels() {
		add("channel.", string(c))
	}
	add("act.", string(hub.DossierHandOver), string(hub.DossierApologise), string(hub.DossierDeliver))
	add("file.", string(hub.DossierResult), string(hub.DossierLetterOf))
	add("way.", "counter", "post", "online.partial", "online.full")
	add("", "dong")
	add("file.", "unit", "name", "contact", "other", "agreement", "taken")
	add("rule.", "required", "unit", "consent", "contact", "control_character", "max_length", "offline", "in_force", "online", "form", "empty", "max_size", "max_total", "max_files", "file_kind", "again")
	for _, kind := range []hub.ErrorKind{hub.KindNotFound, hub.KindBusy, hub.KindUnavailable, hub.KindInvalid, hub.KindTooLarge, hub.KindUnsupported, hub.KindInternal} {
		add("wrong.", string(kind))
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	gaps := regexp.MustCompile(`\{\d\}`)
	for language, all := range texts {
		for _, name := range wanted {
			if all[name] == "" {
				t.Errorf("%s: there is no text %s", language, name)
			}
			if got, want := gaps.FindAllString(all[name], -1), gaps.FindAllString(texts[vietnamese][name], -1); len(got) != len(want) {
				t.Errorf("%s: %s has the gaps %v, in Vietnamese %v", language, name, got, want)
			}
		}
		for name := range all {
			if !slices.Contains(wanted, name) {
				t.Errorf("%s: nobody asks for the text %s", language, name)
			}
		}
	}
}

// TestRoutesAgreeWithDescription: what is served to programs is described, and nothing else.
func TestRoutesAgreeWithDescription(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `yaml:"operationId"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal(schemas.Portal(), &doc); err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, methods := range doc.Paths {
		for method, op := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
			if op.OperationID == "" {
				t.Errorf("%s %s has no name", method, path)
			}
		}
	}
	for _, rt := range routes() {
		if rt.api {
			served = append(served, rt.method+" "+rt.pattern)
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described are %q, served %q", described, served)
	}
}
