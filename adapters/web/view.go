package web

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

//go:embed templates
var templates embed.FS

// pages are the templates of all pages, by name.
type pages map[string]*template.Template

// readPages puts each page into the frame that all share.
func readPages() (pages, error) {
	all := pages{}
	names, err := fs.Glob(templates, "templates/page_*.html.tmpl")
	if err != nil || len(names) == 0 {
		return nil, hub.Internal("find the templates of the pages", err)
	}
	shared, err := template.ParseFS(templates, "templates/frame.html.tmpl", "templates/pieces.html.tmpl")
	if err != nil {
		return nil, hub.Internal("read the templates of the pages", err)
	}
	for _, name := range names {
		page, err := shared.Clone() // what all pages share is read once
		if err == nil {
			page, err = page.ParseFS(templates, name)
		}
		if err != nil {
			return nil, hub.Internal("read the templates of the pages", err)
		}
		short := strings.TrimPrefix(strings.TrimSuffix(path.Base(name), ".html.tmpl"), "page_")
		all[short] = page
	}
	return all, nil
}

func (p pages) write(w io.Writer, name string, v *view) error {
	page, ok := p[name]
	if !ok {
		return hub.Errorf(hub.KindInternal, "", "", "there is no page %s", name)
	}
	if err := page.ExecuteTemplate(w, "frame.html.tmpl", v); err != nil {
		return hub.Internal("write the page "+name, err)
	}
	return nil
}

// piece writes a part of a page, for a page that is open.
func (x *exchange) piece(page, name string, data any) (string, error) {
	var b strings.Builder
	if err := x.pages[page].ExecuteTemplate(&b, name, &view{x: x, Page: page, Data: data}); err != nil {
		return "", hub.Internal("write a piece of the page "+page, err)
	}
	return b.String(), nil
}

// view is what a template sees.
type view struct {
	x        *exchange
	Page     string
	Data     any
	Problems map[string]string // by field; under "" what belongs to none
}

// T is a text in the language of the person.
func (v *view) T(name string, values ...any) string { return v.x.texts.text(v.x.lang, name, values...) }

// Lang is the language of the page.
func (v *view) Lang() string { return v.x.lang }

// Hub is the name of the hub.
func (v *view) Hub() string { return v.x.Name }

// Version is that of the software.
func (v *view) Version() string { return v.x.Version }

// Token ties forms to the session.
func (v *view) Token() string { return v.x.formToken() }

// Here is the address of this page; of the answer to a form, the first page.
func (v *view) Here() string {
	if v.Page == "signin" && v.x.r.URL.Path != "/sign-in" { // the answer of a provider is for once
		return "/sign-in"
	}
	if v.x.r.Method == http.MethodGet {
		return v.x.r.URL.RequestURI()
	}
	if l, ok := v.Data.(interface{ Get(field string) string }); ok && l.Get("key") != "" {
		return "/send?" + query("draft", l.Get("key"))
	}
	return "/"
}

// Visit is who is signed in; nil for nobody.
func (v *view) Visit() *hub.Visit { return v.x.visit }

// OnlyExamines says that the person sees no documents on these pages, and is told so.
func (v *view) OnlyExamines() bool {
	return !may(&v.x.visit.Actor, []hub.Scope{hub.ScopeCollect, hub.ScopeRead, hub.ScopeOperate})
}

// Problem is what is wrong with a field.
func (v *view) Problem(field string) string { return v.Problems[field] }

// With gives a piece its data and the view.
func (v *view) With(data any) map[string]any { return map[string]any{"V": v, "D": data} }

// typedField is a line of a letter to type.
type typedField struct {
	V                   *view
	Field, Label, Value string
}

// Typed is what the piece of that name shows of a letter.
func (v *view) Typed(field, label string) typedField {
	p, ok := v.Data.(interface{ Get(field string) string })
	if !ok {
		return typedField{v, field, v.T(label), ""}
	}
	return typedField{v, field, v.T(label), p.Get(field)}
}

// Asked is what the piece of that name shows of a search.
func (v *view) Asked(field, label, value string) typedField {
	return typedField{v, field, v.T(label), value}
}

// link is an entry of the navigation.
type link struct {
	Path, Text string
	Current    bool
	Count      int    // of what waits there; 0 says nothing
	Counted    string // what the number counts
}

// menu is the navigation: what stands in its line, and what is folded away behind "more".
type menu struct {
	Shown, More []link
	Within      bool // the page is among the latter
}

// inLine is how many entries stand in the line of the menu where there are more: with the
// name of the person and of the office they fit on one line of a small desk screen.
const inLine = 5

// Menu are the pages that the person may open; nil for nobody.
func (v *view) Menu() *menu {
	if v.x.visit == nil {
		return nil
	}
	m := &menu{Shown: v.links()}
	if len(m.Shown) > inLine {
		m.Shown, m.More = m.Shown[:inLine], m.Shown[inLine:]
	}
	m.Within = slices.ContainsFunc(m.More, func(l link) bool { return l.Current })
	return m
}

// links are the pages in the order of the menu: daily work first.
func (v *view) links() []link {
	var links []link
	for _, l := range []struct {
		path   string
		pages  string
		scopes []hub.Scope
	}{
		{"/inbox", "inbox document", []hub.Scope{hub.ScopeCollect}},
		{"/send", "send confirm", []hub.Scope{hub.ScopeSubmit}},
		{"/sent", "sent board", []hub.Scope{hub.ScopeRead}},
		{"/tasks", "tasks task", []hub.Scope{hub.ScopeCollect, hub.ScopeRead}},
		{"/dossiers", "dossiers dossier dossiernew", []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}},
		{"/inspections", "inspections inspection inspectionnew", []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}},
		{"/post", "post postorder postnew", []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}},
		{"/registers", "registers numbers", []hub.Scope{hub.ScopeCollect, hub.ScopeRead, hub.ScopeAccounts}},
		{"/figures", "figures counted", []hub.Scope{hub.ScopeFigures}},
		{"/reports", "reports report", []hub.Scope{hub.ScopeFigures}},
		{"/evaluations", "evaluations scored", []hub.Scope{hub.ScopeFigures}},
		{"/trail", "trail entry course", []hub.Scope{hub.ScopeAudit}},
		{"/health", "health", []hub.Scope{hub.ScopeOperate}},
		{"/alerts", "alerts", []hub.Scope{hub.ScopeOperate}},
		{"/stuck", "stuck", []hub.Scope{hub.ScopeOperate}},
		{"/settings", "settings", []hub.Scope{hub.ScopeOperate}},
		{"/agencies", "agencies agency acts keys key", []hub.Scope{hub.ScopeOperate}},
		{"/subscriptions", "subscriptions subscription", []hub.Scope{hub.ScopeOperate, hub.ScopeAccounts}},
		{"/rules", "rules", []hub.Scope{hub.ScopeAccounts}},
		{"/connection", "connection", []hub.Scope{hub.ScopeOperate, hub.ScopeAccounts}},
		{"/accounts", "accounts", []hub.Scope{hub.ScopeOperate, hub.ScopeAccounts}},
		{"/procedures", "procedures procedure procedureimport", hub.Scopes()},
		{"/examine", "examine", []hub.Scope{hub.ScopeVerify}},
	} {
		if may(&v.x.visit.Actor, l.scopes) {
			entry := link{Path: l.path, Text: v.T("nav" + l.path), Current: slices.Contains(strings.Fields(l.pages), v.Page)}
			if l.path == "/alerts" {
				entry.Count = v.x.openAlerts()
				entry.Counted = v.T("alerts.count", entry.Count)
			}
			links = append(links, entry)
		}
	}
	return links
}

// Agency is the name of an agency now; of the hub as a whole for an empty id.
func (v *view) Agency(id hub.AgencyID) string {
	if id == "" {
		return v.T("office.hub")
	}
	if a, ok := v.x.Directory.ByID(id); ok {
		return a.NameAt(v.x.Now())
	}
	return string(id)
}

// Number is the full number of a document.
func (v *view) Number(d hub.Document) string { return d.Number() }

// Code is the code of an agency now.
func (v *view) Code(a hub.Agency) hub.Code { return a.CodeAt(v.x.Now()) }

// Name is the name of an agency now.
func (v *view) Name(a hub.Agency) string { return a.NameAt(v.x.Now()) }

// Clock is an instant as people in Viet Nam read it.
func (v *view) Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(hub.Vietnam()).Format("02/01/2006 15:04")
}

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

// Date is a printed date that a form carries.
func (v *view) Date(text string) string { return v.Day(hub.Date(text)) }

// Early reports whether a change still meets a delivery before its hand-over.
func (v *view) Early(a hub.Aim) bool { return a.Item.Delivery.State.MayBecome(hub.StateWithdrawn) }

// ClocksOf are the clocks of the law of a delivery; of the sender for an empty id.
func (v *view) ClocksOf(clocks []hub.LegalClock, of hub.DeliveryID) []hub.LegalClock {
	var own []hub.LegalClock
	for i := range clocks {
		if clocks[i].Delivery == of {
			own = append(own, clocks[i])
		}
	}
	return own
}

// Pressing are the clocks of the law that are overdue or due soon.
func (v *view) Pressing(clocks []hub.LegalClock) []hub.LegalClock {
	var pressing []hub.LegalClock
	for i := range clocks {
		if s := clocks[i].State; s == hub.ClockOverdue || s == hub.ClockSoon {
			pressing = append(pressing, clocks[i])
		}
	}
	return pressing
}

// Late reports whether a day has passed.
func (v *view) Late(d hub.Date) bool {
	return d != "" && string(d) < v.x.Now().In(hub.Vietnam()).Format(time.DateOnly)
}

// Size is a number of bytes for people.
func (v *view) Size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return v.Decimal(fmt.Sprintf("%.1f MB", float64(n)/(1<<20)))
}

// Decimal is a number with a decimal point as people write it.
func (v *view) Decimal(number string) string {
	if v.x.lang == vietnamese {
		return strings.Replace(number, ".", ",", 1)
	}
	return number
}

// Verdict is the word for a result, Meaning a sentence, Because the reason of a signature.
func (v *view) Verdict(i hub.Indication) string {
	word, _ := v.x.Words.Indication(v.x.lang, i)
	return word
}

// Meaning says in a sentence what a result means.
func (v *view) Meaning(i hub.Indication) string {
	_, meaning := v.x.Words.Indication(v.x.lang, i)
	return meaning
}

// Because is the reason of a result.
func (v *view) Because(s hub.SubReason) string { return v.x.Words.Reason(v.x.lang, s) }

// Level is the level of a signature: by its name in the standard, or in a word.
func (v *view) Level(level string) string {
	if v.x.knows("sign.level." + level) {
		return v.T("sign.level." + level)
	}
	return level
}

// Check names a check.
func (v *view) Check(name string) string { return v.x.Words.Check(v.x.lang, name) }

// found is what was found out about a file; Foreign where it is in English alone.
type found struct {
	Text    string
	Foreign bool
}

// Found says what was found out about a file.
func (v *view) Found(finding string) found {
	text, said := v.x.Words.Finding(v.x.lang, finding)
	return found{text, !said}
}

// Class is the style of a result.
func (v *view) Class(i hub.Indication) string {
	switch i {
	case hub.TotalPassed:
		return "good"
	case hub.TotalFailed:
		return "bad"
	}
	return "open"
}
