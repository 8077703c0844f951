package portal

import (
	"cmp"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
)

const (
	onPage   = 20
	maxAsked = 100
	maxWords = 200 // bytes of a search that are looked at
)

// home leads to what there is.
func (x *exchange) home() error {
	return x.everybody("/", func() (string, []byte, error) { return x.page("home", nil) })
}

type proceduresPage struct {
	Text, Next string
	hub.List[hub.PublicProcedure]
}

// asked reads what is searched for, and how the answer is kept.
func (x *exchange) asked() (text string, page hub.Page, key string) {
	q := x.r.URL.Query()
	text, page.After = q.Get("q"), q.Get("after")
	if len(text) > maxWords {
		text = text[:maxWords]
	}
	page.Limit = onPage
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && x.api {
		page.Limit = min(max(n, 1), maxAsked)
	}
	return text, page, x.r.URL.Path + "?" + url.Values{"q": {hub.Fold(text), text}, "after": {page.After}, "limit": {strconv.Itoa(page.Limit)}}.Encode()
}

// procedures lists what is in force.
func (x *exchange) procedures() error {
	text, page, key := x.asked()
	return x.everybody(key, func() (string, []byte, error) {
		list, err := x.Procedures.List(x.r.Context(), text, page)
		if err != nil {
			return "", nil, err
		}
		p := proceduresPage{Text: text, List: list}
		if list.Next != "" {
			p.Next = prefix(x.lang) + "/procedures?" + url.Values{"q": {text}, "after": {list.Next}}.Encode()
		}
		return x.page("procedures", &p)
	})
}

type procedurePage struct {
	hub.PublicProcedure
	Taken bool // some agency takes it here
}

// procedure shows one that is in force.
func (x *exchange) procedure() error {
	return x.everybody(x.r.URL.Path, func() (string, []byte, error) {
		p, err := x.Procedures.Show(x.r.Context(), x.r.PathValue("code"))
		if err != nil {
			return "", nil, err
		}
		units, err := x.Filings.Units(x.r.Context(), p.Code)
		if err != nil {
			return "", nil, err
		}
		return x.page("procedure", &procedurePage{p, len(units) > 0})
	})
}

func (x *exchange) listProcedures() error {
	text, page, key := x.asked()
	return x.everybody(key, func() (string, []byte, error) {
		list, err := x.Procedures.List(x.r.Context(), text, page)
		if err != nil {
			return "", nil, err
		}
		return asJSON(struct {
			Items []hub.PublicProcedure `json:"items"`
			Next  string                `json:"next,omitempty"`
		}{list.Items, list.Next})
	})
}

func (x *exchange) showProcedure() error {
	return x.everybody(x.r.URL.Path, func() (string, []byte, error) {
		p, err := x.Procedures.Show(x.r.Context(), x.r.PathValue("code"))
		if err != nil {
			return "", nil, err
		}
		return asJSON(&p)
	})
}

// description says what programs can ask here.
func (x *exchange) description() error {
	return x.everybody(x.r.URL.Path, func() (string, []byte, error) {
		return "application/yaml", schemas.Portal(), nil
	})
}

// Channels are the ways in which a procedure is filed: online as far as that goes.
func (v *view) Channels(p *hub.PublicProcedure) []string {
	ways := []string{v.T("way.counter", cmp.Or(p.Agency, string(p.AgencyCode))), v.T("way.post")}
	if p.Online != hub.OnlineInformation {
		ways = append(ways, v.T("way.online."+string(p.Online)))
	}
	return ways
}
