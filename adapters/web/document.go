package web

import (
	"bytes"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/internal/whole"
	"github.com/lienthong/lienthong/hub"
)

// documentPage is what the page of one document shows.
type documentPage struct {
	Dispatch   hub.Dispatch
	Delivery   *hub.Delivery  // of the recipient who looks; nil for the sender
	Deliveries []hub.Delivery // for the sender
	Clocks     []hub.LegalClock
	Original   *hub.Part // a PDF that a browser can show
	Signatures []hub.SignatureReport
	Evidences  []hub.SealedEvidence
	// First and Follow are addresses of pages of the time line; empty where there are none.
	First, Follow string
	Reports       []hub.StatusReport
	Related       []hub.Related
	Asked         *hub.Delivery // about which its recipient has yet to answer; nil for none
	Change        changeForm    // of the sender
	Form          documentForm
	For           hub.AgencyID // in whose place the person receives; empty: the own office
	Forward       *forwardForm // nil where the document can't be forwarded
	Readable      bool         // the content can be opened
	Done          string       // what was just done; empty for nothing
	Back          *hub.Staff   // to whom the last assignment can be given back; nil for nobody
	Recall        bool         // the form for taking it back is open
}

// maxPaper is the size of a PDF that a page shows without being asked to, in bytes.
const maxPaper = 32 << 20

// Paper is the PDF that the page shows beside the data; nil for none.
func (p *documentPage) Paper() *hub.Part {
	if !p.Readable {
		return nil
	}
	return p.Original
}

// Large says that the PDF is shown when the person asks for it: it would take long to
// come, and memory that telephones do not have.
func (p *documentPage) Large() bool { return p.Original != nil && p.Original.Size > maxPaper }

// documentForm is what a person typed.
type documentForm struct {
	Number, Date, Unit   string
	Code, Detail         string
	Status, Description  string
	Department, Assignee string // who is in charge
	Answer, AnswerReason string
	Registers, Refusable bool
	Reportable           bool
	Answerable           bool // with a document of its own
	Forward              forwardForm
	marked               []string // units to forward to
	Reasons              []hub.ReasonCode
	Statuses             []hub.StatusCode
}

// evidenceRows is the length of a page of the time line.
const evidenceRows = 100

func (x *exchange) incoming() error { return x.showIncoming(http.StatusOK, documentForm{}, nil) }

// showIncoming shows a document to its recipient with the acts that are possible now.
func (x *exchange) showIncoming(status int, form documentForm, problems map[string]string) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	item, err := x.Documents.Item(ctx, actor, hub.DeliveryID(x.r.PathValue("delivery")))
	if err != nil {
		return err
	}
	if actor.Receives(item.Delivery.Recipient) != nil {
		return hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery") // it is in the sent list
	}
	d := item.Delivery
	item.Dispatch.Document.DueDate = askedBy(&item)
	p := documentPage{Dispatch: item.Dispatch, Delivery: &d, Clocks: item.Clocks, Form: form}
	if err = x.timeline(&p, hub.EvidenceQuery{Delivery: d.ID}); err == nil {
		err = x.fill(&p)
	}
	if err != nil {
		return err
	}
	switch d.State {
	case hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted, hub.StateRefused:
		p.Readable = item.Dispatch.Purged == nil && !d.TakenBack()
	}
	asked, found, err := x.Changes.Question(ctx, actor, d.ID)
	if err != nil {
		return err
	}
	if found {
		p.Asked = &asked
	}
	f := &p.Form
	if actor.SpeaksFor(d.Recipient, hub.ScopeCollect) != nil {
		p.For, p.Asked = d.Recipient, nil // the agency itself answers
	}
	p.Forward = x.offerForward(&item, &f.Forward, f.marked)
	f.Answerable = p.Readable && actor.Has(hub.ScopeSubmit) && !d.ForInformation && p.For == ""
	f.Registers = !d.Final() && (d.State == hub.StateConsigned || d.State == hub.StateHandedOver)
	f.Refusable, f.Reasons = f.Registers, hub.RefusalReasons()
	f.Reportable = !d.TakenBack() && (d.State == hub.StateAccepted || d.State == hub.StateHandedOver && d.Final())
	f.Statuses = []hub.StatusCode{hub.StatusAssigned, hub.StatusInProgress, hub.StatusCompleted}
	if f.Registers && d.Registers && f.Number == "" && f.Date == "" {
		next, err := x.Recipient.NextNumber(ctx, actor, d.Recipient, d.ID)
		if err != nil {
			return err
		}
		f.Number, f.Date = next.Number, string(next.Date)
	}
	if p.Done = x.done(); p.Done == "assigned" && f.Reportable {
		p.Back = assignedBefore(&p)
	}
	return x.show(status, "document", &p, problems)
}

// askedBy is by when something is asked of the recipient of a document: of one who has it
// for information nothing is.
func askedBy(item *hub.Item) hub.Date {
	if item.Delivery.ForInformation {
		return ""
	}
	return item.Dispatch.Document.DueDate
}

// byName gives reports the names of the files that they are about, which people know.
func byName(reports []hub.SignatureReport, parts []hub.Part) []hub.SignatureReport {
	for i := range reports {
		if at := slices.IndexFunc(parts, func(p hub.Part) bool { return p.ID == reports[i].Part }); at >= 0 && parts[at].Name != "" {
			reports[i].Part = visible(parts[at].Name)
		}
	}
	return reports
}

// fill adds what sender and recipient both see.
func (x *exchange) fill(p *documentPage) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	reports, later, err := x.Verdicts.Verdicts(ctx, actor, p.Dispatch.ID)
	switch takenBack := p.Delivery != nil && p.Delivery.TakenBack() || p.Delivery == nil && p.Dispatch.Origin != nil; {
	case takenBack && hub.KindOf(err) == hub.KindNotFound: // verdicts are no longer its recipient's, nor its forwarder's
	case err != nil:
		return err
	default:
		p.Signatures = byName(hub.NewestReports(reports, later), p.Dispatch.Parts)
	}
	if p.Reports, err = x.Documents.Reports(ctx, actor, p.Dispatch.ID); err != nil {
		return err
	}
	if p.Related, err = x.Documents.Related(ctx, actor, p.Dispatch.ID); err != nil {
		return err
	}
	for i := range p.Dispatch.Parts {
		part := &p.Dispatch.Parts[i]
		if part.Role == hub.RoleOriginal && isPDF(part.MediaType) {
			p.Original = part
			break
		}
	}
	return nil
}

func isPDF(mediaType string) bool {
	parsed, _, err := mime.ParseMediaType(mediaType)
	return err == nil && parsed == "application/pdf"
}

// timeline reads the page of evidences that the address asks for. A dispatch to all
// communes of a province has thousands.
func (x *exchange) timeline(p *documentPage, q hub.EvidenceQuery) error {
	page := x.r.URL.Path
	if x.r.Method != http.MethodGet {
		page = path.Dir(page) // the one that the form stands on
	}
	q.Page = hub.Page{Limit: evidenceRows, After: x.r.URL.Query().Get("evidence")}
	list, err := x.Evidences.Evidences(x.r.Context(), x.visit.Actor, q)
	if err != nil {
		return err
	}
	p.Evidences = list.Items
	if q.Page.After != "" {
		p.First = page + "#evidence"
	}
	if list.Next != "" {
		p.Follow = page + "?" + query("evidence", list.Next) + "#evidence"
	}
	return nil
}

func (x *exchange) board() error { return x.showBoard(http.StatusOK, changeForm{}, nil) }

// showBoard shows the sender what became of each delivery, and what it can change.
func (x *exchange) showBoard(status int, form changeForm, problems map[string]string) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	id := hub.DispatchID(x.r.PathValue("dispatch"))
	item, err := x.Documents.Dispatch(ctx, actor, id)
	if err != nil {
		return err
	}
	if actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeRead) != nil {
		return hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
	}
	p := documentPage{Dispatch: item.Dispatch, Deliveries: item.Deliveries, Clocks: item.Clocks, Readable: item.Dispatch.Purged == nil}
	if err = x.timeline(&p, hub.EvidenceQuery{Dispatch: id}); err == nil {
		err = x.fill(&p)
	}
	if err != nil {
		return err
	}
	p.Change = form.offered(&actor, &item)
	p.Done, p.Recall = x.done(), len(problems) > 0 || x.r.URL.Query().Get("undo") != ""
	if actor.Has(hub.ScopeSubmit) && item.Dispatch.Operation != hub.OperationRecall {
		p.Change.Remind = remindable(&item, x.Now())
	}
	return x.show(status, "board", &p, problems)
}

// act does something with a delivery and shows its page again, with what is wrong
// beside the fields.
func (x *exchange) act(form documentForm, deed string, fields []string, do func(id hub.DeliveryID) error) error {
	id := hub.DeliveryID(x.r.PathValue("delivery"))
	err := do(id)
	switch {
	case err == nil:
		return x.redirect(afterwards("/inbox/", string(id), deed))
	case again(err):
		return x.showIncoming(statusOf(hub.KindOf(err)), form, x.problems(err, fields...))
	}
	return err
}

func (x *exchange) register() error {
	value := x.r.PostFormValue
	form := documentForm{Number: value("number"), Date: value("date"), Unit: value("unit")}
	digests := map[string]hub.Digest{}
	for name, values := range x.r.PostForm {
		if id, ok := strings.CutPrefix(name, "part."); ok {
			digest, err := hub.ParseDigest(values[0])
			if err != nil {
				return err
			}
			digests[id] = digest
		}
	}
	return x.act(form, "registered", []string{"number", "date", "unit"}, func(id hub.DeliveryID) error {
		_, err := x.Recipient.Register(x.r.Context(), x.visit.Actor, id, digests,
			hub.Registration{Number: form.Number, Date: hub.Date(form.Date), Unit: form.Unit})
		return err
	})
}

func (x *exchange) refuse() error {
	form := documentForm{Code: x.r.PostFormValue("code"), Detail: x.r.PostFormValue("detail")}
	return x.act(form, "refused", []string{"code", "detail"}, func(id hub.DeliveryID) error {
		_, err := x.Recipient.Refuse(x.r.Context(), x.visit.Actor, id, 0, hub.Reason{Code: hub.ReasonCode(form.Code), Detail: form.Detail})
		return err
	})
}

func (x *exchange) report() error {
	value := x.r.PostFormValue
	form := documentForm{
		Status: value("status"), Description: value("description"),
		Department: strings.TrimSpace(value("staff.department")), Assignee: strings.TrimSpace(value("staff.name")),
	}
	deed := "reported"
	if hub.StatusCode(form.Status) == hub.StatusAssigned {
		deed = "assigned"
	}
	return x.act(form, deed, []string{"status", "description", "staff.department", "staff.name"}, func(id hub.DeliveryID) error {
		report, err := x.reportOf(&form)
		if err == nil {
			_, err = x.Recipient.Report(x.r.Context(), x.visit.Actor, id, report)
		}
		return err
	})
}

// reportOf is the status report that a form gives. Its staff is who is in charge, by
// default the person who reports. An assignment says in its text, too, to whom: the
// evidence holds the text and not the staff.
func (x *exchange) reportOf(form *documentForm) (hub.StatusReport, error) {
	r := hub.StatusReport{
		Code: hub.StatusCode(form.Status), Description: form.Description,
		Staff: &hub.Staff{Department: form.Department, Name: form.Assignee},
	}
	to := strings.Trim(form.Assignee+", "+form.Department, ", ")
	switch {
	case to == "" && r.Code == hub.StatusAssigned:
		return r, hub.Violations{hub.Invalid("staff.name", "assignee", "name the person or the unit that handles the document")}.AsError()
	case to == "":
		r.Staff = &hub.Staff{Name: x.visit.Account.FullName, ID: x.visit.Account.Name}
	case r.Code == hub.StatusAssigned:
		r.Description = strings.TrimSpace(x.say("act.assigned", to) + " " + form.Description)
	}
	return r, nil
}

// part gives out one file. A PDF may be shown; everything else is only for saving, since
// content is data and never a page of this host.
func (x *exchange) part() error {
	part, blob, err := x.Documents.Open(x.r.Context(), x.visit.Actor, hub.DispatchID(x.r.PathValue("dispatch")), x.r.PathValue("part"))
	if err != nil {
		return err
	}
	return x.handOut(part, blob, x.r.URL.Query().Get("show") != "")
}

// handOut sends a file and closes it. A PDF may be shown where the person wants that.
func (x *exchange) handOut(part hub.Part, blob hub.Blob, show bool) error {
	defer blob.Close()
	h := x.w.Header()
	kind := "attachment"
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Security-Policy", sandbox)
	if isPDF(part.MediaType) {
		h.Set("Content-Type", "application/pdf")
		if show {
			kind = "inline"
			h.Set("Content-Security-Policy", showPolicy)
		}
	}
	h.Set("Content-Disposition", disposition(kind, part.Name))
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(part.Digest[:])+":")
	return x.send(blob)
}

// showPolicy is that of a PDF which a browser shows by itself: no viewer opens in a
// sandbox, and that of Chromium is an object on a page of its own.
const showPolicy = "default-src 'none'; style-src 'self'; object-src 'self'; frame-src 'self'; frame-ancestors 'none'"

// sandbox is the policy of files for saving: a browser that shows one all the same gives
// it no script, no form and no origin.
const sandbox = "default-src 'none'; sandbox"

// disposition is a Content-Disposition (RFC 6266) with the name in UTF-8.
func disposition(kind, name string) string {
	return kind + `; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// send copies content; what is damaged never arrives whole.
func (x *exchange) send(blob hub.Blob) error {
	x.w.Header().Set("Content-Length", strconv.FormatInt(blob.Size(), 10))
	err := whole.Copy(x.w, blob, blob.Size(), func() {})
	if broken := (*whole.ReadError)(nil); errors.As(err, &broken) {
		x.Log.ErrorContext(x.r.Context(), "content could not be read", "path", x.r.URL.Path, "error", broken.Err)
		panic(http.ErrAbortHandler) // the answer may have begun: it must not look whole
	}
	return nil // else the browser has gone
}

// receipt gives out one sealed evidence as a file that can be verified anywhere.
func (x *exchange) receipt() error {
	sealed, err := x.Evidences.Evidence(x.r.Context(), x.visit.Actor, hub.EvidenceID(x.r.PathValue("evidence")))
	if err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Security-Policy", sandbox)
	h.Set("Content-Disposition", disposition("attachment", sealed.Evidence.Event.Name()+"-"+string(sealed.Evidence.ID)+".json"))
	_, _ = x.w.Write(hub.MarshalReceipt(sealed)) // the browser may have gone
	return nil
}

// bundle gives out the evidence of one delivery as a file that proves itself, without the
// document, which the page offers beside it.
func (x *exchange) bundle() error {
	order := hub.BundleOrder{Dispatch: hub.DispatchID(x.r.PathValue("dispatch")), Delivery: hub.DeliveryID(x.r.URL.Query().Get("delivery"))}
	var file bytes.Buffer // all of it or a page that says why not
	if err := x.Bundles.Write(x.r.Context(), x.visit.Actor, order, &file); err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/vnd.etsi.asic-e+zip")
	h.Set("Content-Disposition", disposition("attachment", string(order.Dispatch)+".asice"))
	_, _ = file.WriteTo(x.w) // the browser may have gone
	return nil
}

// Mark tells when the deliveries look otherwise.
func (p *documentPage) Mark() string {
	mark := markOf(len(p.Deliveries))
	for i := range p.Deliveries {
		mark = markOf(mark, p.Deliveries[i].ID, p.Deliveries[i].Version)
	}
	return mark
}
