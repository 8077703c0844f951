package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Dossiers keeps what is filed at one-stop desks.
type Dossiers interface {
	DossierLists
	Register(ctx context.Context, actor hub.Actor, wish hub.DossierWish) (view hub.DossierView, made bool, err error)
	Act(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder) (hub.DossierView, error)
	DossierPapers
	DossierOwners
}

// DossierOwners gives owners of dossiers what they find them with.
type DossierOwners interface {
	RenewSecret(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID) (hub.DossierView, error)
	Receipt(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID, secret string, to io.Writer) error
}

// DossierLists shows dossiers and what is outside of them, and counts them.
type DossierLists interface {
	DossierPackages
	List(ctx context.Context, actor hub.Actor, query hub.DossierQuery) (hub.List[hub.DossierView], error)
	Show(ctx context.Context, actor hub.Actor, name string) (hub.DossierView, error)
	Standing(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (count hub.DossierCount, pending bool, err error)
	Counted(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.List[hub.DossierCounted], error)
}

// DossierPapers keeps the files of dossiers.
type DossierPapers interface {
	MayAttach(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID) error
	Attach(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder, paper hub.DossierPaper) (hub.DossierView, error)
	Open(ctx context.Context, actor hub.Actor, id hub.DossierID, event int64) (hub.Part, hub.Blob, error)
}

type dossiersPage struct {
	// What is asked for, as it was typed.
	All             bool // not only what is open
	Stands, Finding string
	Whens           []hub.Timeliness
	Findings        []hub.DossierRule
	Rows            []hub.DossierView
	Year            hub.DossierCount // of the office, this year
	Pending         bool             // some are being counted anew
	First, Follow   string
	Registers       bool // the person may register one
	Outside         []hub.DossierTaking
}

func (p *dossiersPage) address(extra ...string) string {
	all := ""
	if p.All {
		all = "1"
	}
	return "/dossiers?" + query(append([]string{"all", all, "stands", p.Stands, "finding", p.Finding}, extra...)...)
}

// dossiers lists those that the office handles or did.
func (x *exchange) dossiers() error {
	q := x.r.URL.Query()
	p := dossiersPage{
		All: q.Get("all") != "", Stands: q.Get("stands"), Finding: q.Get("finding"), Whens: hub.Timelinesses(), Findings: hub.DossierFindings(),
		Registers: x.visit.Actor.Has(hub.ScopeSubmit),
	}
	wanted := hub.DossierQuery{Agency: x.office(), Open: !p.All, Finding: hub.DossierRule(p.Finding), Page: hub.Page{After: q.Get("after"), Limit: rows}}
	if p.Stands != "" {
		wanted.Timeliness = []hub.Timeliness{hub.Timeliness(p.Stands)}
	}
	found, err := x.Dossiers.List(x.r.Context(), x.visit.Actor, wanted)
	if err != nil {
		return err
	}
	p.Rows = found.Items
	if found.Next != "" {
		p.Follow = p.address("after", found.Next)
	}
	if wanted.Page.After != "" {
		p.First = p.address()
	}
	period := hub.Period(strconv.Itoa(x.Now().In(hub.Vietnam()).Year()))
	if p.Year, p.Pending, err = x.Dossiers.Standing(x.r.Context(), x.visit.Actor, hub.DossierFigureQuery{Unit: x.office(), Period: period}); err != nil {
		return err
	}
	if p.First == "" {
		if p.Outside, err = x.outside(); err != nil {
			return err
		}
	}
	return x.show(http.StatusOK, "dossiers", &p, nil)
}

// dossierForm is what was typed about a new dossier.
type dossierForm struct {
	fields   map[string]string
	Channels []hub.DossierChannel
}

// Get returns what was typed into a field.
func (f *dossierForm) Get(field string) string { return f.fields[field] }

// newDossier offers the form of intake.
func (x *exchange) newDossier() error {
	return x.showIntake(http.StatusOK, map[string]string{"key": x.NewID()}, nil)
}

func (x *exchange) showIntake(status int, typed, problems map[string]string) error {
	return x.show(status, "dossiernew", &dossierForm{typed, hub.DossierChannels()}, problems)
}

// registerDossier records a dossier at the office.
func (x *exchange) registerDossier() error {
	typed := map[string]string{}
	for _, name := range []string{"key", "procedure", "owner", "contact", "channel", "received", "due"} {
		typed[name] = strings.TrimSpace(x.r.PostFormValue(name))
	}
	v, made, err := x.Dossiers.Register(x.r.Context(), x.visit.Actor, hub.DossierWish{
		Unit: x.office(), Procedure: typed["procedure"], Owner: hub.DossierOwner{Name: typed["owner"], Contact: typed["contact"]}, Channel: hub.DossierChannel(typed["channel"]),
		Received: hub.DossierMoment(typed["received"]), Due: hub.DossierMoment(typed["due"]), Key: typed["key"],
	})
	switch {
	case err != nil && again(err):
		return x.showIntake(statusOf(hub.KindOf(err)), typed, x.dossierProblems(err))
	case err != nil:
		return err
	case made:
		return x.showDossier(http.StatusOK, &dossierPage{DossierView: v, Done: true}, nil)
	}
	return x.redirect("/dossiers/" + url.PathEscape(string(v.ID)) + "?done=register")
}

// renewDossierSecret shows another secret for the owner, this once.
func (x *exchange) renewDossierSecret() error {
	v, err := x.Dossiers.RenewSecret(x.r.Context(), x.visit.Actor, hub.DossierID(x.r.PathValue("dossier")), x.office())
	if err != nil {
		return err
	}
	return x.showDossier(http.StatusOK, &dossierPage{DossierView: v, Done: true}, nil)
}

// dossierProblems are what is wrong, beside the field that it is wrong with.
func (x *exchange) dossierProblems(err error) map[string]string {
	names := map[string]string{"owner.name": "owner", "owner.contact": "contact", "received_at": "received", "due_at": "due", "procedure": "procedure", "channel": "channel", "at": "at", "text": "text", "to": "to"}
	found := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		text, ok := x.texts[x.lang]["dossier.wrong."+v.Rule]
		if !ok {
			text = x.explain(v)
		}
		field := names[v.Field]
		found[field] = strings.TrimSpace(found[field] + " " + text)
	}
	return found
}

type dossierPage struct {
	hub.DossierView
	fields map[string]string
	Acts   []hub.DossierAct // that the person may report
	Done   bool
	Kinds  []hub.DossierPaperKind
	Papers []hub.DossierEvent // that brought files
	Gives  bool               // the person may give the owner another secret
	Taken  bool               // it was accepted: there is a receipt
}

// Get returns what was typed into a field.
func (p *dossierPage) Get(field string) string { return p.fields[field] }

// dossier shows one with its course and its clocks.
func (x *exchange) dossier() error { return x.lookAtDossier(http.StatusOK, map[string]string{}, nil) }

func (x *exchange) lookAtDossier(status int, typed, problems map[string]string) error {
	v, err := x.Dossiers.Show(x.r.Context(), x.visit.Actor, x.r.PathValue("dossier"))
	if err != nil {
		return err
	}
	return x.showDossier(status, &dossierPage{DossierView: v, fields: typed, Done: x.r.URL.Query().Get("done") != ""}, problems)
}

// showDossier adds what the person may do with a dossier.
func (x *exchange) showDossier(status int, p *dossierPage, problems map[string]string) error {
	v := &p.DossierView
	p.Kinds = hub.DossierPaperKinds()
	for i := range v.Events {
		if v.Events[i].Paper != nil {
			p.Papers = append(p.Papers, v.Events[i])
		}
	}
	office := x.office()
	for _, act := range hub.DossierActs() {
		handles := act.OfAny() || office == v.Unit || office == v.Lead
		if v.Erased == nil && x.visit.Actor.SpeaksFor(office, hub.ScopeSubmit) == nil && handles && act != hub.DossierReport {
			p.Acts = append(p.Acts, act)
		}
	}
	p.Gives, p.Taken = slices.Contains(p.Acts, hub.DossierAccept), !v.Clock.Start.IsZero()
	return x.show(status, "dossier", p, problems)
}

// actOnDossier reports what happened.
func (x *exchange) actOnDossier() error {
	typed := map[string]string{}
	for _, name := range []string{"act", "at", "text", "to", "role", "due"} {
		typed[name] = strings.TrimSpace(x.r.PostFormValue(name))
	}
	order := hub.DossierOrder{
		Agency: x.office(), Act: hub.DossierAct(typed["act"]), At: hub.DossierMoment(typed["at"]), Due: hub.DossierMoment(typed["due"]), Text: typed["text"],
	}
	if order.Act == hub.DossierHandOver {
		order.Role = hub.DossierRole(typed["role"])
		to, err := x.oneAgency(typed["to"])
		if err != nil {
			return x.lookAtDossier(http.StatusUnprocessableEntity, typed, map[string]string{"to": x.problems(err)[""]})
		}
		order.To = to
	}
	id := hub.DossierID(x.r.PathValue("dossier"))
	_, err := x.Dossiers.Act(x.r.Context(), x.visit.Actor, id, order)
	switch {
	case err != nil && again(err):
		return x.lookAtDossier(statusOf(hub.KindOf(err)), typed, x.dossierProblems(err))
	case err != nil:
		return err
	}
	return x.redirect("/dossiers/" + url.PathEscape(string(id)) + "?done=1")
}

// Status is a national status in words.
func (v *view) Status(s hub.DossierStatus) string {
	return v.T("dossier.status." + strconv.Itoa(int(s)))
}

// Worked is working time in hours and minutes.
func (v *view) Worked(minutes int64) string {
	return v.T("dossier.worked", minutes/60, minutes%60)
}

// Rules are the findings of a dossier, each once.
func (v *view) Rules(list []hub.DossierFinding) []hub.DossierRule {
	var found []hub.DossierRule
	seen := map[hub.DossierRule]bool{}
	for _, f := range list {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			found = append(found, f.Rule)
		}
	}
	return found
}

// When is an instant; a dash for none.
func (v *view) When(at time.Time) string {
	if at.IsZero() {
		return "–"
	}
	return v.Clock(at)
}

// Verdicts are the verdict on a single file, which needs no name, for the panel of signatures.
func (v *view) Verdicts(r *hub.SignatureReport) []hub.SignatureReport {
	named := *r
	named.Part = ""
	return []hub.SignatureReport{named}
}
