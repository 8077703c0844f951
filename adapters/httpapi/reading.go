package httpapi

import (
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

func (a *api) sent(x *exchange) error {
	q := x.query()
	agency := q.text("agency")
	wanted := hub.SentQuery{
		ExternalID: q.text("external_id"), Number: q.text("number"), Text: q.text("q"),
		States: q.states(), Page: q.page(),
	}
	if err := q.done(); err != nil {
		return err
	}
	var err error
	if wanted.Agency, err = a.agencyOf(x.actor, agency); err != nil {
		return err
	}
	list, err := a.Dispatches.Sent(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) dispatch(x *exchange) error {
	item, err := a.Dispatches.Dispatch(x.r.Context(), x.actor, x.dispatch())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, item)
}

func (a *api) dispatchEvidence(x *exchange) error {
	q := x.query()
	wanted := hub.EvidenceQuery{Dispatch: x.dispatch(), Page: q.page()}
	if err := q.done(); err != nil {
		return err
	}
	return a.evidences(x, wanted)
}

func (a *api) rejections(x *exchange) error {
	q := x.query()
	agency, page := q.text("agency"), q.page()
	if err := q.done(); err != nil {
		return err
	}
	sender, err := a.agencyOf(x.actor, agency)
	if err != nil {
		return err
	}
	return a.evidences(x, hub.EvidenceQuery{Sender: sender, Page: page})
}

func (a *api) evidences(x *exchange, wanted hub.EvidenceQuery) error {
	list, err := a.Evidences.Evidences(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

// evidence answers with the receipt file, byte for byte what a verifier reads, or with
// its XML form where the client asks for that.
func (a *api) evidence(x *exchange) error {
	q := x.query()
	form := q.text("form")
	if err := q.done(); err != nil {
		return err
	}
	if form != "" && form != "json" && form != "xml" {
		return hub.Invalid("form", "code_list", "%.20q is none of json, xml", form)
	}
	sealed, err := a.Evidences.Evidence(x.r.Context(), x.actor, hub.EvidenceID(x.param("evidence")))
	if err != nil {
		return err
	}
	x.w.Header().Add("Vary", "Accept")
	if form == "json" || form == "" && preferred(x.r.Header.Get("Accept"), "application/xml") < 0 || a.ReceiptXML == nil {
		return x.text(http.StatusOK, "application/json", hub.MarshalReceipt(sealed))
	}
	written, err := a.ReceiptXML(x.r.Context(), sealed)
	if err != nil {
		return err
	}
	return x.text(http.StatusOK, "application/xml", written)
}

func (a *api) signatures(x *exchange) error {
	q := x.query()
	language := q.text("lang")
	if err := q.done(); err != nil {
		return err
	}
	reports, rechecks, err := a.Validation.Verdicts(x.r.Context(), x.actor, x.dispatch())
	if err != nil {
		return err
	}
	file := hub.FileReport{Name: string(x.dispatch()), Kind: hub.FileEdXML, Parts: reports}
	for i := range reports {
		reports[i] = withList(reports[i])
	}
	file.ConcludeParts()
	answer := verdicts{listed(hub.List[hub.SignatureReport]{Items: reports}), rechecks}
	return a.reported(x, language, answer, []hub.FileReport{file})
}

// verdicts are those of the acceptance and the later ones.
type verdicts struct {
	listing[hub.SignatureReport]
	Rechecks []hub.Recheck `json:"rechecks,omitempty"`
}

func (a *api) validation(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	archive, err := a.Validation.Archive(x.r.Context(), x.actor, x.dispatch())
	if err != nil {
		return err
	}
	for i := range archive.Reports {
		archive.Reports[i] = withList(archive.Reports[i])
	}
	return x.json(http.StatusOK, archive)
}

// withList makes a report without signatures say so by an empty list, not by null.
func withList(r hub.SignatureReport) hub.SignatureReport {
	if r.Signatures == nil {
		r.Signatures = []hub.SignatureVerdict{}
	}
	return r
}

func (a *api) reports(x *exchange) error {
	reports, err := a.Dispatches.Reports(x.r.Context(), x.actor, x.dispatch())
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(hub.List[hub.StatusReport]{Items: reports}))
}
