package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// keptForm is a form without files that came when the session had ended. What was typed
// into it is given back after signing in again; nothing is done until it is sent anew.
type keptForm struct {
	Action string     `json:"action"`
	Fields url.Values `json:"fields"`
}

// maxKeptForm bounds a form that is kept, in bytes: it travels in the one for signing in.
const maxKeptForm = maxForm / 4

// formField is one value of a form that is given back, and which of its kind it is.
type formField struct {
	Name, Value string
	Place       int // the first is 1
}

// resumePage gives a form back: what the person typed, and the other values, among them the
// button that was pressed.
type resumePage struct {
	Action        string
	Typed, Chosen []formField
}

// Long reports whether a value has several lines or is longer than one.
func (f formField) Long() bool { return len(f.Value) > 60 || strings.Contains(f.Value, "\n") }

func (k fieldKinds) page(f *keptForm) resumePage {
	page := resumePage{Action: f.Action}
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		for _, value := range f.Fields[name] {
			if k.typed[name] && strings.TrimSpace(value) != "" {
				page.Typed = append(page.Typed, formField{name, value, len(page.Typed) + 1})
			} else {
				page.Chosen = append(page.Chosen, formField{name, value, len(page.Chosen) + 1})
			}
		}
	}
	return page
}

// fieldKinds says of the names of fields on all pages which people type into, and which
// are secret.
type fieldKinds struct{ typed, secret map[string]bool }

var (
	inputTag  = regexp.MustCompile(`<(input|textarea|select)\s[^>]*>`)
	nameOf    = regexp.MustCompile(`\sname="([a-z_.]+)"`)
	inputKind = regexp.MustCompile(`\stype="([a-z]+)"`)
)

// readFields reads the fields of all pages.
func readFields() fieldKinds {
	kinds := fieldKinds{map[string]bool{}, map[string]bool{}}
	chosen := map[string]bool{}
	names, _ := fs.Glob(templates, "templates/*.tmpl") // the pattern is sound
	for _, name := range names {
		text, _ := templates.ReadFile(name) // it is part of the program
		for _, tag := range inputTag.FindAllStringSubmatch(string(text), -1) {
			field := nameOf.FindStringSubmatch(tag[0])
			if field == nil {
				continue
			}
			kind := ""
			if k := inputKind.FindStringSubmatch(tag[0]); k != nil {
				kind = k[1]
			}
			switch {
			case kind == "password":
				kinds.secret[field[1]] = true
			case tag[1] == "select", slices.Contains([]string{"hidden", "checkbox", "radio", "file"}, kind):
				chosen[field[1]] = true
			default:
				kinds.typed[field[1]] = true
			}
		}
	}
	for name := range chosen { // the same name means another thing on another page
		delete(kinds.typed, name)
	}
	return kinds
}

// heldBy stands for the person of a mark, in a page on which what that person typed waits:
// whoever else signs in there does not get it.
func heldBy(mark string) string {
	sum := sha256.Sum256([]byte("typed by " + mark))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// keepForm shows the form for signing in to somebody whose session ended while typing, with
// what was typed in it. It reports whether there was anything to keep. A form with a secret
// is not kept, nor one of which the browser does not say that it came from here, nor one from a
// browser where nobody signed in before.
func (x *exchange) keepForm() bool {
	if x.r.Method != http.MethodPost || x.mark() == "" || x.r.Header.Get("Origin") == "" && x.r.Header.Get("Sec-Fetch-Site") == "" {
		return false
	}
	kept := keptForm{Action: x.r.URL.RequestURI(), Fields: x.r.PostForm}
	delete(kept.Fields, "form")
	for name := range kept.Fields {
		if x.fields.secret[name] {
			return false
		}
	}
	raw, err := json.Marshal(kept)
	if err != nil || len(raw) > maxKeptForm || len(x.fields.page(&kept).Typed) == 0 {
		return false
	}
	if err := x.show(http.StatusForbidden, "signin", signInPage{Ended: true, Typed: base64.RawURLEncoding.EncodeToString(raw), Of: heldBy(x.mark())}, nil); err != nil {
		x.fail(err)
	}
	return true
}

// resumeForm gives back what was typed, to be sent anew.
func (x *exchange) resumeForm(token, typed string) error {
	visit, err := x.Persons.Visit(x.r.Context(), token)
	if err != nil {
		return err
	}
	var kept keptForm
	raw, err := base64.RawURLEncoding.DecodeString(typed)
	if err != nil || json.Unmarshal(raw, &kept) != nil || ownAddress(kept.Action) != kept.Action {
		return hub.Invalid("typed", "form", "what was typed did not come back whole; go back in the browser to read it")
	}
	x.token, x.visit = token, x.enters(&visit)
	return x.show(http.StatusOK, "resume", x.fields.page(&kept), nil)
}
