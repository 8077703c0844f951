package portal

import (
	"embed"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// The languages of the pages, by their tags. The one of an address is its beginning, so that
// no cookie is needed and caches tell them apart.
const (
	vietnamese = "vi"
	english    = "en"
)

func languages() []string { return []string{vietnamese, english} }

// prefix stands before the addresses of a language.
func prefix(language string) string {
	if language == english {
		return "/en"
	}
	return ""
}

//go:embed messages
var messages embed.FS

//go:embed templates
var templates embed.FS

// catalogues are all texts, by language and name.
type catalogues map[string]map[string]string

func readCatalogues() (catalogues, error) {
	all := catalogues{}
	for _, language := range languages() {
		raw, err := messages.ReadFile("messages/" + language + ".json")
		if err != nil {
			return nil, hub.Internal("read the texts of the portal", err)
		}
		texts := map[string]string{}
		if err := strictjson.Decode(raw, &texts); err != nil { // a name that stands twice would lose a text
			return nil, hub.Internal("read the texts of the portal", err)
		}
		all[language] = texts
	}
	return all, nil
}

// text returns a text with values in its gaps {0}, {1}; a name without a text stays visible
// as it is.
func (c catalogues) text(language, name string, values ...string) string {
	text, ok := c[language][name]
	if !ok {
		return name
	}
	for i, v := range values {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", v)
	}
	return text
}

// pages are the templates of all pages, by name.
type pages map[string]*template.Template

func readPages() (pages, error) {
	all := pages{}
	names, err := fs.Glob(templates, "templates/page_*.html.tmpl")
	if err != nil || len(names) == 0 {
		return nil, hub.Internal("find the templates of the portal", err)
	}
	for _, name := range names {
		page, err := template.ParseFS(templates, "templates/frame.html.tmpl", name)
		if err != nil {
			return nil, hub.Internal("read the templates of the portal", err)
		}
		all[strings.TrimPrefix(strings.TrimSuffix(path.Base(name), ".html.tmpl"), "page_")] = page
	}
	return all, nil
}

func (p pages) write(w io.Writer, name string, v *view) error {
	page, ok := p[name]
	if !ok {
		return hub.Internal("there is no page "+name, nil)
	}
	if err := page.ExecuteTemplate(w, "frame.html.tmpl", v); err != nil {
		return hub.Internal("write the page "+name, err)
	}
	return nil
}

// view is what a template sees.
type view struct {
	x    *exchange
	Page string
	Data any
}

// T is a text in the language of the page.
func (v *view) T(name string, values ...string) string {
	return v.x.texts.text(v.x.lang, name, values...)
}

// Lang is the language of the page.
func (v *view) Lang() string { return v.x.lang }

// Hub is the name of the hub.
func (v *view) Hub() string { return v.x.Name }

// At is the beginning of addresses in the language of the page.
func (v *view) At() string { return prefix(v.x.lang) }

// Other is the address of the page in the other language. What answers a form has the form
// instead: its fields are in no address.
func (v *view) Other() string {
	here := strings.TrimPrefix(v.x.r.URL.Path, prefix(v.x.lang))
	to := prefix(english)
	if v.x.lang == english {
		to = ""
	}
	if v.x.r.Method == http.MethodPost && v.x.filing == nil {
		return to + "/dossiers"
	}
	if query := v.x.r.URL.Query().Encode(); query != "" {
		here += "?" + query
	}
	return to + here
}

// Wrong is what is wrong with a field of the form, or nil.
func (v *view) Wrong(field string) *Problem {
	if text := v.x.filing.wrong(field); text != "" {
		return &Problem{field, text}
	}
	return nil
}

// FieldName is what a field of the form is called.
func (v *view) FieldName(f *filingForm, field string) string {
	for i := range f.Papers {
		if f.Papers[i].Field == field {
			return f.Papers[i].Name
		}
	}
	if field == "consent" {
		return v.T("file.agreement")
	}
	return v.T("file." + field)
}

// Static is the address of a file that the page loads.
func (v *view) Static(name string) string { return v.x.statics.address(name) }

// Clock is an instant as people in Viet Nam read it.
func (v *view) Clock(t time.Time) string { return t.In(hub.Vietnam()).Format("02/01/2006 15:04") }

// Machine is an instant for programs that read the page.
func (v *view) Machine(t time.Time) string { return t.In(hub.Vietnam()).Format(time.RFC3339) }

// Day is a printed date as people in Viet Nam read it.
func (v *view) Day(d hub.Date) string {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return string(d)
	}
	return t.Format("02/01/2006")
}

// Count is a number with points between thousands.
func (v *view) Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	mark := "."
	if v.x.lang == english {
		mark = ","
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + mark + digits[i:]
	}
	return digits
}

// Limit is the time limit of a procedure in words.
func (v *view) Limit(l hub.ProcedureLimit) string {
	return v.T("limit."+string(l.Unit), strconv.Itoa(l.Amount))
}

// Fee is a fee in words.
func (v *view) Fee(f hub.ProcedureFee) string {
	if f.Amount == 0 && f.Note != "" {
		return f.Note
	}
	return strings.TrimSpace(v.T("dong", v.Count(f.Amount)) + " " + f.Note)
}

// Levels are the words for levels.
func (v *view) Levels(levels []hub.Level) string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = v.T("level." + string(l))
	}
	return strings.Join(names, ", ")
}

// Status is a national status in words.
func (v *view) Status(s hub.DossierStatus) string { return v.T("status." + strconv.Itoa(int(s))) }

// Size is a number of bytes for people.
func (v *view) Size(n int64) string {
	const kilo = 1 << 10
	switch {
	case n < kilo:
		return strconv.FormatInt(n, 10) + " B"
	case n < kilo*kilo:
		return strconv.FormatInt((n+kilo/2)/kilo, 10) + " KB"
	}
	return strconv.FormatInt((n+kilo*kilo/2)/(kilo*kilo), 10) + " MB"
}
