package web

import (
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestCataloguesAreComplete: both languages have the same texts with the same gaps, and
// every name that a template or the code asks for by itself has one.
func TestCataloguesAreComplete(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	vi, en := all[vietnamese], all[english]
	if !slices.Equal(slices.Sorted(maps.Keys(vi)), slices.Sorted(maps.Keys(en))) {
		t.Error("the catalogues have different names")
	}
	gaps := regexp.MustCompile(`\{\d\}`)
	for name := range vi {
		if a, b := gaps.FindAllString(vi[name], -1), gaps.FindAllString(en[name], -1); !slices.Equal(a, b) || vi[name] == "" || en[name] == "" {
			t.Errorf("%s: %q and %q", name, vi[name], en[name])
		}
	}
	asked := regexp.MustCompile(`\.T "([^"]+)"`)
	for _, text := range readTemplates(t) {
		for _, name := range asked.FindAllStringSubmatch(text, -1) {
			if _, ok := vi[name[1]]; !ok {
				t.Errorf("no text for %s", name[1])
			}
		}
	}
	for _, name := range named() {
		if _, ok := vi[name]; !ok {
			t.Errorf("no text for %s", name)
		}
	}
}

// named are the texts that templates and code put together.
func named() []string {
	var names []string
	add := func(prefix string, words ...string) {
		for _, w := range words {
			names = append(names, prefix+w)
		}
	}
	for _, s := range hub.DeliveryStates() {
		add("state.", string(s))
		add("count.", string(s))
	}
	for _, r := range hub.Roles() {
		add("role.of.", string(r))
	}
	for _, f := range filters() {
		add("filter.", f)
		add("empty.", f)
	}
	for _, r := range hub.RefusalReasons() {
		add("reason.", string(r))
	}
	add("status.", "01", "02", "03", "04", "05", "06", "13", "15", "16")
	add("priority.", "0", "1", "2", "3", "4")
	add("role.", "original", "attachment", "envelope")
	add("file.", "pdf", "edxml", "xml", "container", "receipt", "other")
	add("health.", "sound", "degraded", "failed")
	add("nav", "/inbox", "/send", "/sent", "/examine", "/health", "/agencies", "/accounts")
	add("title.", "signin", "password", "inbox", "send", "confirm", "sent", "document", "board", "examine", "health", "agencies", "accounts", "problem")
	add("rule.", letterRules()...)
	add("kind.", "internal", "invalid", "untrusted", "unknown_agency", "denied", "not_found", "conflict", "too_large", "unsupported", "busy", "unavailable")
	return names
}

// letterRules are those that the form for sending meets and that no template names.
func letterRules() []string {
	return []string{
		"receiving", "claim", "office", "max_files", "max_items", "max_length", "program", "pdf", "encrypted", "file_name", "digest", "closed",
		"several_successors", "unknown_agency", "state_secret", "signature", "duplicate", "original.required", "to.required", "to.unique",
	}
}

// TestWordsOfTheHubHaveTexts: every event, reason and health check that the sources
// name has a text, so that a new one is not forgotten.
func TestWordsOfTheHubHaveTexts(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	for file, rules := range map[string]map[string]*regexp.Regexp{
		"../../hub/evidence.go": {
			"event.":  regexp.MustCompile(`Event = (?:etsiEvent|ownEvent) \+ "([^"]+)"`),
			"reason.": regexp.MustCompile(`ReasonCode = "([^"]+)"`),
		},
		"../../cmd/lienthong/internal/app/health.go": {"check.": regexp.MustCompile(`\{"(\w+)", hub\.Health`)},
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for prefix, rule := range rules {
			found := rule.FindAllStringSubmatch(string(source), -1)
			if len(found) == 0 {
				t.Errorf("nothing found in %s for %s", file, prefix)
			}
			for _, word := range found {
				if _, ok := all[vietnamese][prefix+word[1]]; !ok {
					t.Errorf("no text for %s%s", prefix, word[1])
				}
			}
		}
	}
}

func readTemplates(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	names, err := fs.Glob(templates, "templates/*")
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(templates, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(raw)
	}
	return texts
}

// TestNoTextStandsInTemplates: what people read comes from the catalogues, also in
// attributes; the name of a language is written in that language.
func TestNoTextStandsInTemplates(t *testing.T) {
	actions := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	tags := regexp.MustCompile(`(?s)<[^>]*>`)
	read := regexp.MustCompile(`(?:title|placeholder|aria-label|alt)="([^"]*)"`)
	letters := regexp.MustCompile(`\pL`)
	for name, text := range readTemplates(t) {
		bare := actions.ReplaceAllString(text, "")
		rest := tags.ReplaceAllString(bare, "")
		rest = strings.NewReplacer("English", "", "Tiếng Việt", "").Replace(rest)
		if letters.MatchString(rest) {
			t.Errorf("%s says %q", name, strings.Join(strings.Fields(rest), " "))
		}
		for _, attribute := range read.FindAllStringSubmatch(bare, -1) {
			if letters.MatchString(attribute[1]) {
				t.Errorf("%s says %q", name, attribute[1])
			}
		}
		for _, forbidden := range []string{"<script", "style=", "<style", " on", "http://", "https://"} {
			if strings.Contains(tagsOf(bare, tags), forbidden) {
				t.Errorf("%s holds %q, which the policy of content forbids", name, forbidden)
			}
		}
	}
}

func tagsOf(text string, tags *regexp.Regexp) string {
	return strings.Join(tags.FindAllString(text, -1), "")
}

func TestOwnAddress(t *testing.T) {
	for next, want := range map[string]string{
		"/inbox?q=a": "/inbox?q=a", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "inbox": "/", "/%zz": "/",
	} {
		if got := ownAddress(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// TestCookies: over HTTPS the cookie of a session is for this host and HTTPS alone.
func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := httptest.NewRecorder()
		x := &exchange{site: &site{Options: Options{Secure: secure}}, w: w}
		x.setSession("token")
		c := w.Result().Cookies()[0]
		if c.Secure != secure || !c.HttpOnly || c.SameSite == 0 || c.Path != "/" || c.Domain != "" || secure != strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("secure %v: %s", secure, c)
		}
	}
}
