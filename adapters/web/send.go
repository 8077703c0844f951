package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// sendPage is the form for sending.
type sendPage struct {
	*letter
	Chosen     []recipient
	Found      []recipient // by the search, and not chosen yet
	Responses  []response  // to what it responds
	Received   []response  // found among what the agency got, and not chosen yet
	Receives   bool        // the person may look there
	Nothing    bool        // the search found nothing
	More       bool        // and more than are shown
	Secrecies  []string
	Priorities []hub.Priority
	MaxFile    int64
	Drafts     []hub.Draft // others that were begun
	Removed    *hub.Draft  // that was just removed; nil for none
	Filled     string      // names of the fields that were read out of the document
	Today      string      // the date that is proposed
	Lists      []hub.DistributionList
	ListName   string         // typed, and not kept yet
	Answered   []hub.TaskView // tasks of the agency that the letter answers
}

// recipient is an agency to choose.
type recipient struct {
	Code, Name string
	Note       string // on a successor
	Info       bool   // gets it for information
	Under      []group
}

// group is all agencies of a level directly under another.
type group struct {
	Value string // as the form carries it: code of the one above, and level
	Level hub.Level
	Count int
}

// confirmPage shows what is about to be sent, and to whom.
type confirmPage struct {
	*letter
	Document   hub.Document
	Recipients []hub.Resolution
	Informed   map[hub.AgencyID]bool        // those of them who get it for information
	Rules      map[hub.AgencyID]hub.RuleRef // by which they are recipients
	Routing    []hub.RuleTrace              // what rules would do
	Reports    []hub.SignatureReport
	Unsigned   bool
	Doubtful   bool           // a signature is there and has not passed
	Earlier    []hub.SentItem // under the same number
	Aims       []hub.Aim      // on documents that were sent before
	Note       string
	Set        []shownTask    // what the letter asks of its recipients
	Answered   []hub.TaskView // tasks of the agency that it answers
}

// foundAtOnce bounds what a search for recipients shows.
const foundAtOnce = 50

// secrecies are the markings of state secrets (Law on Protection of State Secrets
// 29/2018/QH14, art. 8). None may be sent: the form asks so that nobody sends one unaware.
func secrecies() []string { return []string{"Mật", "Tối mật", "Tuyệt mật"} }

func (x *exchange) newLetter() error {
	f := newLetterForm()
	f.Fields["priority"] = "0"
	f.Fields["date"] = x.today()
	if id := x.r.URL.Query().Get("draft"); id != "" {
		return x.resumeDraft(f, id)
	}
	if err := x.begin(f); err != nil {
		return err
	}
	return x.showLetter(http.StatusOK, f)
}

// showLetter shows the form with what was typed, and the search for recipients.
func (x *exchange) showLetter(status int, f *letterForm) error {
	f.Fields["office"] = string(x.office())
	if f.Fields["key"] == "" {
		f.Fields["key"] = x.NewID()
	}
	p := sendPage{
		letter: &f.letter, Secrecies: secrecies(), MaxFile: x.MaxFile, Filled: x.named(f.Filled), Today: x.today(),
		Priorities: []hub.Priority{hub.PriorityNormal, hub.PriorityUrgent, hub.PriorityVeryUrgent, hub.PriorityExpress},
	}
	for _, code := range f.To {
		r := recipient{Code: code, Name: code, Info: slices.Contains(f.Info, code)}
		found, err := x.Directory.Resolve(code, x.Now())
		if err == nil {
			r.Name, r.Note = found.Agency.NameAt(x.Now()), found.Note
		} else if !strings.Contains(f.problems["to"], code) {
			f.problem("to", visible(code)+": "+x.problems(err)[""])
		}
		p.Chosen = append(p.Chosen, r)
	}
	x.find(&p, f)
	if f.problems["list"] != "" {
		p.ListName = f.listName
	}
	var err error
	if p.Lists, err = x.Lists.Lists(x.r.Context(), x.visit.Actor, x.office()); err != nil {
		return err
	}
	if err := x.findReceived(&p, f); err != nil {
		return err
	}
	if p.Answered, err = x.answered(f); err != nil {
		return err
	}
	if p.Drafts, err = x.otherDrafts(f.Get("key")); err != nil {
		return err
	}
	if p.Removed, err = x.removedDraft(); err != nil {
		return err
	}
	return x.show(status, "send", &p, f.problems)
}

// find looks for recipients by name or code, diacritics aside. A code that is closed
// leads to its successor, or says what became of it.
func (x *exchange) find(p *sendPage, f *letterForm) {
	text := strings.TrimSpace(f.Fields["find"])
	if text == "" {
		return
	}
	now := x.Now()
	list := x.Directory.Search(text, now, hub.Page{Limit: foundAtOnce})
	ids := make([]hub.AgencyID, len(list.Items))
	for i := range list.Items {
		ids[i] = list.Items[i].ID
	}
	under := x.Directory.Under(ids, now)
	for i := range list.Items {
		a := &list.Items[i]
		p.Found = append(p.Found, recipient{Code: string(a.CodeAt(now)), Name: a.NameAt(now), Under: groupsOf(a, under[a.ID], now)})
	}
	p.More = list.Next != ""
	if len(p.Found) == 0 {
		switch held, err := x.Directory.Resolve(text, now); {
		case err == nil:
			p.Found = append(p.Found, recipient{Code: string(held.Code), Name: held.Agency.NameAt(now), Note: held.Note})
		case slices.ContainsFunc(hub.ViolationsOf(err), func(e *hub.Error) bool { return e.Rule == "closed" || e.Rule == "several_successors" }):
			f.problem("find", x.problems(err)[""])
			return
		}
	}
	p.Nothing = len(p.Found) == 0
	p.Found = slices.DeleteFunc(p.Found, func(r recipient) bool { return slices.Contains(f.To, r.Code) && len(r.Under) == 0 })
}

// groupsOf counts the agencies directly under one, by level.
func groupsOf(a *hub.Agency, under []hub.Agency, now time.Time) []group {
	var groups []group
	for i := range under {
		u := &under[i]
		level, _ := hub.At(u.Levels, now)
		at := slices.IndexFunc(groups, func(g group) bool { return g.Level == level })
		if at < 0 {
			at = len(groups)
			groups = append(groups, group{Value: string(a.CodeAt(now)) + " " + string(level), Level: level})
		}
		groups[at].Count++
	}
	return groups
}

// maxTaken bounds the recipients of a letter, so that its form can come back with all of them.
const maxTaken = maxItems - 100

// takeGroup adds all agencies of a group to the recipients, but for the sender itself.
func (x *exchange) takeGroup(f *letterForm, value string) {
	code, level, _ := strings.Cut(value, " ")
	now := x.Now()
	above, err := x.Directory.Resolve(code, now)
	if err != nil {
		return // it has closed since the page was made
	}
	for _, u := range x.Directory.Under([]hub.AgencyID{above.Agency.ID}, now)[above.Agency.ID] {
		is, _ := hub.At(u.Levels, now)
		added := string(u.CodeAt(now))
		if string(is) != level || u.ID == x.office() || slices.Contains(f.To, added) {
			continue
		}
		if len(f.To) >= maxTaken {
			f.problem("to", x.texts.text(x.lang, "rule.max_items"))
			return
		}
		f.To = append(f.To, added)
	}
}

// sendLetter does what the pressed button says.
func (x *exchange) sendLetter() error {
	f, err := x.readLetter()
	switch {
	case f == nil:
		return err
	case f.stale && (err != nil || f.Fields["key"] == ""):
		return hub.Errorf(hub.KindDenied, "", "cross_origin", "this form was not made for this session")
	case f.stale:
		f.problem("", x.texts.text(x.lang, "rule.stale"))
		return x.showLetter(http.StatusForbidden, f)
	case err != nil && again(err):
		for field, text := range x.problems(err) {
			f.problem(field, text)
		}
		return x.showLetter(statusOf(hub.KindOf(err)), f)
	case err != nil:
		return err
	case f.Fields["office"] != string(x.office()):
		f.problem("", x.texts.text(x.lang, "rule.office"))
		return x.showLetter(http.StatusConflict, f)
	}
	f.doTask()
	if err := x.doList(f); err != nil {
		return err
	}
	if err := x.takeNumber(f); err != nil {
		return err
	}
	if err := x.saveDraft(f); err != nil {
		return err
	}
	if language, chosen := strings.CutPrefix(f.do, "language-"); chosen {
		x.setLanguage(language)
		return x.showLetter(http.StatusOK, f)
	}
	if len(f.problems) > 0 {
		return x.showLetter(http.StatusUnprocessableEntity, f)
	}
	switch f.do {
	case "check":
		return x.checkLetter(f)
	case "send":
		sub, err := x.submission(&f.letter)
		if err != nil {
			return x.mend(f, err)
		}
		accepted, err := x.Intake.Submit(x.r.Context(), x.visit.Actor, sub)
		if err != nil {
			return x.mend(f, err)
		}
		if err := x.Drafts.DeleteDraft(x.r.Context(), x.visit.Account.Name, f.Fields["key"]); err != nil {
			x.Log.WarnContext(x.r.Context(), "a draft stays though it was sent", "error", err)
		}
		return x.redirect(afterwards("/sent/", string(accepted.Dispatch.ID), "sent"))
	}
	return x.showLetter(http.StatusOK, f)
}

// checkLetter makes all checks and shows what is about to be sent.
func (x *exchange) checkLetter(f *letterForm) error {
	f.Fields["find"], f.Fields["findin"] = "", "" // the searches are over
	sub, err := x.submission(&f.letter)
	if err != nil {
		return x.mend(f, err)
	}
	preview, err := x.Intake.Preview(x.r.Context(), x.visit.Actor, sub)
	if f.Original() == nil {
		err = append(hub.ViolationsOf(err), hub.Invalid("original", "required", "the signed document is missing"))
	}
	if err != nil {
		return x.mend(f, err)
	}
	if preview.Accepted != "" {
		return x.redirect("/sent/" + url.PathEscape(string(preview.Accepted)))
	}
	p := confirmPage{letter: &f.letter, Document: sub.Document, Recipients: preview.Recipients, Informed: preview.Informed, Rules: preview.Rules, Routing: preview.Routing, Reports: preview.Reports, Note: preview.Earlier.Note, Set: x.shownTasks(&f.letter)}
	if p.Answered, err = x.answered(f); err != nil {
		return err
	}
	for i := range preview.Reports {
		r := &preview.Reports[i]
		if i < len(f.Files) { // one report on each file, in their order
			p.Unsigned = p.Unsigned || f.Files[i].Role == hub.RoleOriginal && len(r.Signatures) == 0
			r.Part = f.Files[i].Name
		}
		p.Doubtful = p.Doubtful || len(r.Signatures) > 0 && r.Indication != hub.TotalPassed
	}
	for _, a := range preview.Earlier.Aims {
		if canBeAsked(&a.Item.Delivery) {
			p.Aims = append(p.Aims, a)
		}
	}
	if p.Earlier, err = x.sameNumber(&sub); err != nil {
		return err
	}
	return x.show(http.StatusOK, "confirm", &p, nil)
}

// sameNumber finds what the agency sent under the number in the same year.
func (x *exchange) sameNumber(sub *hub.Submission) ([]hub.SentItem, error) {
	d := &sub.Document
	if sub.Operation == hub.OperationUpdate {
		return nil, nil // it keeps the number
	}
	found, err := x.Boxes.Sent(x.r.Context(), x.visit.Actor, hub.SentQuery{Agency: x.office(), Number: d.Number(), Page: hub.Page{Limit: rows}})
	return slices.DeleteFunc(found.Items, func(item hub.SentItem) bool {
		return year(item.Dispatch.Document.Promulgated) != year(d.Promulgated) || item.Dispatch.Operation == hub.OperationRecall
	}), err
}

func year(d hub.Date) string {
	before, _, _ := strings.Cut(string(d), "-")
	return before
}

// mend shows the form again with what is wrong beside the fields.
func (x *exchange) mend(f *letterForm, err error) error {
	violations := hub.ViolationsOf(err)
	for _, v := range violations {
		if !again(v) {
			return err
		}
	}
	for _, v := range violations {
		named := *v
		var about string
		named.Field, about = f.place(v.Field)
		if named.Field == "" && v.Rule == "duplicate" {
			f.Fields["key"] = "" // another document from now on
		}
		text := x.explain(&named)
		if said, ok := x.texts[x.lang]["rule.task."+v.Rule]; ok && strings.HasPrefix(named.Field, "task") {
			text = said
		}
		if about != "" {
			text = visible(about) + ": " + text
		}
		if !strings.Contains(f.problems[named.Field], text) {
			f.problem(named.Field, text)
		}
	}
	return x.showLetter(statusOf(hub.KindOf(violations[0])), f)
}

var indexed = regexp.MustCompile(`^(recipients|parts)\[(\d+)\]`)

// place finds the field of the form for one of a submission, and what in it is meant.
func (f *letterForm) place(field string) (name, about string) {
	if m := indexed.FindStringSubmatch(field); m != nil {
		i, err := strconv.Atoi(m[2])
		switch {
		case err != nil:
		case m[1] == "recipients" && i < len(f.To):
			return "to", f.To[i]
		case m[1] == "parts" && i < len(f.Files):
			if f.Files[i].Role == hub.RoleOriginal {
				return "original", f.Files[i].Name
			}
			return "annex", f.Files[i].Name
		}
	}
	if name, about := f.placeOfTask(field); name != "" {
		return name, about
	}
	switch field {
	case "recipients":
		return "to", ""
	case "parts":
		return "original", ""
	case "original":
		return field, ""
	case "document.response_for[0].number":
		return "answers", ""
	case "document.business.reason":
		return "reason", ""
	}
	if strings.HasPrefix(field, "document.business.receivers") {
		return "to", ""
	}
	return map[string]string{
		"document.code_number": "number", "document.code_notation": "notation", "document.type_name": "type",
		"document.subject": "subject", "document.signer.position": "position", "document.signer.full_name": "signer",
		"document.place": "place", "document.promulgated": "date", "document.due_date": "due",
		"document.priority": "priority", "document.confidential": "secrecy",
	}[field], ""
}
