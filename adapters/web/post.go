package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Post has the post carry things for agencies.
type Post interface {
	Order(ctx context.Context, actor hub.Actor, wish hub.PostalWish) (order hub.PostalOrder, made bool, err error)
	Show(ctx context.Context, actor hub.Actor, id hub.PostalID) (hub.PostalOrder, error)
	List(ctx context.Context, actor hub.Actor, query hub.PostalQuery) (hub.List[hub.PostalOrder], error)
	Report(ctx context.Context, actor hub.Actor, id hub.PostalID, report hub.PostalReport) (hub.PostalOrder, error)
}

type postPage struct {
	All               bool // not only what is open
	Finding           string
	Dossier, Dispatch string // of which alone; "": all
	Findings          []hub.PostalRule
	Rows              []hub.PostalOrder
	First, Follow     string
	Partial           bool
}

func (p *postPage) address(extra ...string) string {
	all := ""
	if p.All {
		all = "1"
	}
	return "/post?" + query(append([]string{"all", all, "finding", p.Finding, "dossier", p.Dossier, "dispatch", p.Dispatch}, extra...)...)
}

// post lists what the office has the post carry.
func (x *exchange) post() error {
	q := x.r.URL.Query()
	p := postPage{All: q.Get("all") != "", Finding: q.Get("finding"), Dossier: q.Get("dossier"), Dispatch: q.Get("dispatch"), Findings: hub.PostalRules()}
	wanted := hub.PostalQuery{
		Agency: x.office(), Open: !p.All && p.Finding == "" && p.Dossier+p.Dispatch == "", Finding: hub.PostalRule(p.Finding),
		Dossier: hub.DossierID(p.Dossier), Dispatch: hub.DispatchID(p.Dispatch), Page: hub.Page{After: q.Get("after"), Limit: rows},
	}
	found, err := x.Post.List(x.r.Context(), x.visit.Actor, wanted)
	if err != nil {
		return err
	}
	p.Rows, p.Partial = found.Items, found.Next != "" && len(found.Items) < rows
	if found.Next != "" {
		p.Follow = p.address("after", found.Next)
	}
	if wanted.Page.After != "" {
		p.First = p.address()
	}
	return x.show(http.StatusOK, "post", &p, nil)
}

// postForm is what was typed about a new order.
type postForm struct {
	fields map[string]string
	Kinds  []hub.PostalKind
}

// Get returns what was typed into a field.
func (f *postForm) Get(field string) string { return f.fields[field] }

// newPost offers the form of an order: of a dossier, or of a document to one recipient.
func (x *exchange) newPost() error {
	q := x.r.URL.Query()
	return x.showPostForm(http.StatusOK, map[string]string{
		"key": x.NewID(), "dossier": q.Get("dossier"), "dispatch": q.Get("dispatch"), "delivery": q.Get("delivery"), "kind": string(hub.PostalReturn),
	}, nil)
}

func (x *exchange) showPostForm(status int, typed, problems map[string]string) error {
	f := &postForm{fields: typed, Kinds: []hub.PostalKind{hub.PostalReturn, hub.PostalPickUp}}
	if typed["dispatch"] != "" {
		f.Kinds = []hub.PostalKind{hub.PostalPaper}
	}
	return x.show(status, "postnew", f, problems)
}

// orderPost records an order of the office.
func (x *exchange) orderPost() error {
	typed := map[string]string{}
	for _, name := range []string{"key", "kind", "dossier", "dispatch", "delivery", "name", "address", "phone", "province", "district", "own", "content", "note", "envelopes", "weight", "collect"} {
		typed[name] = strings.TrimSpace(x.r.PostFormValue(name))
	}
	wish, problems := x.postalWish(typed)
	if len(problems) > 0 {
		return x.showPostForm(http.StatusUnprocessableEntity, typed, problems)
	}
	o, _, err := x.Post.Order(x.r.Context(), x.visit.Actor, wish)
	switch {
	case err != nil && again(err):
		return x.showPostForm(statusOf(hub.KindOf(err)), typed, x.postProblems(err))
	case err != nil:
		return err
	}
	return x.redirect("/post/" + url.PathEscape(string(o.ID)) + "?done=order")
}

// postalWish is an order as it was typed: the address is that of the other side, own that of
// the office.
func (x *exchange) postalWish(typed map[string]string) (hub.PostalWish, map[string]string) {
	problems := map[string]string{}
	amount := func(field string) int64 {
		n, err := strconv.ParseInt(cmp.Or(typed[field], "0"), 10, 64)
		if err != nil {
			problems[field] = x.say("post.wrong.number")
		}
		return n
	}
	w := hub.PostalWish{
		Agency: x.office(), Kind: hub.PostalKind(typed["kind"]), Key: typed["key"], Dossier: typed["dossier"], Dispatch: hub.DispatchID(typed["dispatch"]), Delivery: hub.DeliveryID(typed["delivery"]),
		Content: typed["content"], Note: typed["note"], Envelopes: int(amount("envelopes")), Weight: int(amount("weight")), Collect: amount("collect"),
	}
	own := &hub.PostalParty{Address: typed["own"]}
	other := &hub.PostalParty{Name: typed["name"], Address: typed["address"], Phone: typed["phone"], Province: typed["province"], District: typed["district"]}
	if w.From, w.To = own, other; w.Kind == hub.PostalPickUp {
		w.From, w.To = other, own
	}
	return w, problems
}

// postProblems are what is wrong, beside the field that it is wrong with.
func (x *exchange) postProblems(err error) map[string]string {
	other, own := "to.", "from."
	if x.r.PostFormValue("kind") == string(hub.PostalPickUp) {
		other, own = own, other
	}
	names := map[string]string{
		other + "name": "name", other + "address": "address", other + "phone": "phone", other + "province": "province", other + "district": "district", own + "address": "own",
		"content": "content", "note": "note", "envelopes": "envelopes", "cod_collect": "collect", "act": "act", "at": "at", "bill": "bill", "text": "text",
	}
	found := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		text, ok := x.texts[x.lang]["post.wrong."+v.Rule]
		if !ok {
			text = x.explain(v)
		}
		field := names[v.Field]
		found[field] = strings.TrimSpace(found[field] + " " + text)
	}
	return found
}

type postOrderPage struct {
	hub.PostalOrder
	fields  map[string]string
	Reports []hub.PostalAct // that the person may say
	Done    bool
}

// Get returns what was typed into a field.
func (p *postOrderPage) Get(field string) string { return p.fields[field] }

// postOrder shows an order with all that the post told.
func (x *exchange) postOrder() error {
	return x.showPostOrder(http.StatusOK, map[string]string{"key": x.NewID()}, nil)
}

func (x *exchange) showPostOrder(status int, typed, problems map[string]string) error {
	o, err := x.Post.Show(x.r.Context(), x.visit.Actor, hub.PostalID(x.r.PathValue("order")))
	if err != nil {
		return err
	}
	p := postOrderPage{PostalOrder: o, fields: typed, Done: x.r.URL.Query().Get("done") != ""}
	if x.visit.Actor.SpeaksFor(o.Agency, hub.ScopeSubmit) == nil {
		p.Reports = hub.ReportedPostalActs()
	}
	return x.show(status, "postorder", &p, problems)
}

// reportPost records what a bill says.
func (x *exchange) reportPost() error {
	typed := map[string]string{}
	for _, name := range []string{"key", "act", "at", "bill", "text"} {
		typed[name] = strings.TrimSpace(x.r.PostFormValue(name))
	}
	id := hub.PostalID(x.r.PathValue("order"))
	_, err := x.Post.Report(x.r.Context(), x.visit.Actor, id, hub.PostalReport{
		Act: hub.PostalAct(typed["act"]), At: hub.DossierMoment(typed["at"]), Key: typed["key"], Bill: typed["bill"], Text: typed["text"],
	})
	switch {
	case err != nil && again(err):
		return x.showPostOrder(statusOf(hub.KindOf(err)), typed, x.postProblems(err))
	case err != nil:
		return err
	}
	return x.redirect("/post/" + url.PathEscape(string(id)) + "?done=1")
}

// postRow is an order in the register of what was sent by post.
func (x *exchange) postRow(o *hub.PostalOrder) []string {
	v := &view{x: x}
	day := ""
	if !o.PostedAt.IsZero() {
		day = v.Day(dayOf(o.PostedAt))
	}
	bill := o.Bill
	if bill != "" {
		bill += ", " + v.Clock(o.BilledAt)
	}
	return []string{day, o.Number, v.PostPlace(o), strconv.Itoa(o.Envelopes), bill, v.PostState(o)}
}

// PostPlace is where an item goes, without the name of an owner, which only the order itself
// shows.
func (v *view) PostPlace(o *hub.PostalOrder) string {
	switch o.Kind {
	case hub.PostalPaper:
		return o.Place
	case hub.PostalReturn:
		return v.T("post.owner")
	}
	return o.AgencyName
}

// PostState is the state of an order in words.
func (v *view) PostState(o *hub.PostalOrder) string {
	return v.T("post.act." + cmp.Or(string(o.State), "waits"))
}

// Dong is a sum of money.
func (v *view) Dong(n int64) string { return v.T("post.dong", n) }
