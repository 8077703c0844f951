package web

import (
	"bytes"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
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
	Original   *hub.Part      // a PDF that a browser can show
	Signatures []hub.SignatureReport
	Evidences  []hub.SealedEvidence
	Reports    []hub.StatusReport
	Form       documentForm
	Readable   bool // the content can be opened
}

// documentForm is what a person typed.
type documentForm struct {
	Number, Date, Unit   string
	Code, Detail         string
	Status, Description  string
	Registers, Refusable bool
	Reportable           bool
	Reasons              []hub.ReasonCode
	Statuses             []hub.StatusCode
}

// maxEvidence bounds the time line; the rest is in the bundle.
const maxEvidence = 200

func (x *exchange) incoming() error { return x.showIncoming(http.StatusOK, documentForm{}, nil) }

// showIncoming shows a document to its recipient with the acts that are possible now.
func (x *exchange) showIncoming(status int, form documentForm, problems map[string]string) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	item, err := x.Documents.Item(ctx, actor, hub.DeliveryID(x.r.PathValue("delivery")))
	if err != nil {
		return err
	}
	if actor.SpeaksFor(item.Delivery.Recipient, hub.ScopeCollect) != nil {
		return hub.Errorf(hub.KindNotFound, "delivery", "", "there is no such delivery") // it is in the sent list
	}
	d := item.Delivery
	p := documentPage{Dispatch: item.Dispatch, Delivery: &d, Form: form}
	p.Evidences, err = x.evidences(hub.EvidenceQuery{Delivery: d.ID})
	if err == nil {
		err = x.fill(&p)
	}
	if err != nil {
		return err
	}
	switch d.State {
	case hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted, hub.StateRefused:
		p.Readable = item.Dispatch.Purged == nil && !d.TakenBack()
	}
	f := &p.Form
	f.Registers = !d.Final() && (d.State == hub.StateConsigned || d.State == hub.StateHandedOver)
	f.Refusable, f.Reasons = f.Registers, hub.RefusalReasons()
	f.Reportable = !d.TakenBack() && (d.State == hub.StateAccepted || d.State == hub.StateHandedOver && d.Final())
	f.Statuses = []hub.StatusCode{hub.StatusAssigned, hub.StatusInProgress, hub.StatusCompleted}
	if f.Registers && d.Registers && f.Number == "" && f.Date == "" {
		next, err := x.Recipient.NextNumber(ctx, actor, d.Recipient)
		if err != nil {
			return err
		}
		f.Number, f.Date = next.Number, string(next.Date)
	}
	return x.show(status, "document", &p, problems)
}

// fill adds what sender and recipient both see.
func (x *exchange) fill(p *documentPage) error {
	ctx, actor := x.r.Context(), x.visit.Actor
	reports, later, err := x.Verdicts.Verdicts(ctx, actor, p.Dispatch.ID)
	switch takenBack := p.Delivery != nil && p.Delivery.TakenBack(); {
	case takenBack && hub.KindOf(err) == hub.KindNotFound: // verdicts are no longer its recipient's
	case err != nil:
		return err
	default:
		p.Signatures = hub.NewestReports(reports, later)
	}
	if p.Reports, err = x.Documents.Reports(ctx, actor, p.Dispatch.ID); err != nil {
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

func (x *exchange) evidences(q hub.EvidenceQuery) ([]hub.SealedEvidence, error) {
	q.Page.Limit = maxEvidence
	list, err := x.Evidences.Evidences(x.r.Context(), x.visit.Actor, q)
	return list.Items, err
}

// board shows the sender what became of each delivery.
func (x *exchange) board() error {
	ctx, actor := x.r.Context(), x.visit.Actor
	id := hub.DispatchID(x.r.PathValue("dispatch"))
	item, err := x.Documents.Dispatch(ctx, actor, id)
	if err != nil {
		return err
	}
	if actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeRead) != nil {
		return hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
	}
	p := documentPage{Dispatch: item.Dispatch, Deliveries: item.Deliveries, Readable: item.Dispatch.Purged == nil}
	if p.Evidences, err = x.evidences(hub.EvidenceQuery{Dispatch: id}); err == nil {
		err = x.fill(&p)
	}
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "board", &p, nil)
}

// act does something with a delivery and shows its page again, with what is wrong
// beside the fields.
func (x *exchange) act(form documentForm, fields []string, do func(id hub.DeliveryID) error) error {
	id := hub.DeliveryID(x.r.PathValue("delivery"))
	err := do(id)
	switch {
	case err == nil:
		return x.redirect("/inbox/" + url.PathEscape(string(id)))
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
	return x.act(form, []string{"number", "date", "unit"}, func(id hub.DeliveryID) error {
		_, err := x.Recipient.Register(x.r.Context(), x.visit.Actor, id, digests,
			hub.Registration{Number: form.Number, Date: hub.Date(form.Date), Unit: form.Unit})
		return err
	})
}

func (x *exchange) refuse() error {
	form := documentForm{Code: x.r.PostFormValue("code"), Detail: x.r.PostFormValue("detail")}
	return x.act(form, []string{"code", "detail"}, func(id hub.DeliveryID) error {
		_, err := x.Recipient.Refuse(x.r.Context(), x.visit.Actor, id, 0, hub.Reason{Code: hub.ReasonCode(form.Code), Detail: form.Detail})
		return err
	})
}

func (x *exchange) report() error {
	form := documentForm{Status: x.r.PostFormValue("status"), Description: x.r.PostFormValue("description")}
	return x.act(form, []string{"status", "description"}, func(id hub.DeliveryID) error {
		_, err := x.Recipient.Report(x.r.Context(), x.visit.Actor, id, hub.StatusReport{
			Code: hub.StatusCode(form.Status), Description: form.Description,
			Staff: &hub.Staff{Name: x.visit.Account.FullName, ID: x.visit.Account.Name},
		})
		return err
	})
}

// part gives out one file. A PDF may be shown; everything else is only for saving, since
// content is data and never a page of this host.
func (x *exchange) part() error {
	part, blob, err := x.Documents.Open(x.r.Context(), x.visit.Actor, hub.DispatchID(x.r.PathValue("dispatch")), x.r.PathValue("part"))
	if err != nil {
		return err
	}
	defer blob.Close()
	h := x.w.Header()
	kind := "attachment"
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Security-Policy", sandbox)
	if isPDF(part.MediaType) {
		h.Set("Content-Type", "application/pdf")
		if x.r.URL.Query().Get("show") != "" {
			kind = "inline"
			h.Set("Content-Security-Policy", contentPolicy) // no viewer opens in a sandbox
		}
	}
	h.Set("Content-Disposition", disposition(kind, part.Name))
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(part.Digest[:])+":")
	return x.send(blob)
}

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
	err := whole.Copy(x.w, blob, func() {})
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

// LastEvidence finds the newest evidence on a delivery, for its line on the board.
func (p *documentPage) LastEvidence(id hub.DeliveryID) hub.EvidenceID {
	for _, e := range slices.Backward(p.Evidences) {
		if e.Evidence.Delivery == id {
			return e.Evidence.ID
		}
	}
	return ""
}
