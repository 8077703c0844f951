package web

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// The report of an examination can be saved. The hub keeps neither the file nor what was
// found: the page carries the report, packed and with a proof that this hub made it for
// this person, and gets it back in the form that was asked for.

// maxCarried bounds a report that a page carries, packed, in bytes; a form has room for it.
const maxCarried = 96 << 10

// maxReport bounds a report that is unpacked.
const maxReport = 16 << 20

// examination is the report as it is saved.
type examination struct {
	Hub        string         `json:"hub"`
	Version    string         `json:"version"`
	ExaminedAt time.Time      `json:"examined_at"`
	Report     hub.FileReport `json:"report"`
}

// carried is a report in a page.
type carried struct{ Text, Proof string }

const examinationPurpose = "report of an examination"

// carry packs a report; nil when no form has room for it.
func (x *exchange) carry(report *hub.FileReport) (*carried, error) {
	raw, err := json.Marshal(examination{x.Name, x.Version, x.Now().UTC().Truncate(time.Second), *report})
	if err != nil {
		return nil, hub.Internal("write the report of an examination", err)
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, hub.Internal("pack the report of an examination", err)
	}
	text := base64.RawURLEncoding.EncodeToString
	if packed.Len() > maxCarried*3/4 || len(raw) > maxReport {
		return nil, nil //nolint:nilnil // that there is none is no error
	}
	return &carried{text(packed.Bytes()), text(x.proof(examinationPurpose, packed.Bytes()))}, nil
}

// carriedBack is the report that a page brings back, as it was made.
func (x *exchange) carriedBack() (raw []byte, e examination, err error) {
	wrong := hub.Errorf(hub.KindDenied, "", "report", "this report was not made here for this person")
	packed, err := base64.RawURLEncoding.DecodeString(x.r.PostFormValue("report"))
	if err != nil {
		return nil, e, wrong
	}
	proof, err := base64.RawURLEncoding.DecodeString(x.r.PostFormValue("proof"))
	if err != nil || !x.proves(proof, examinationPurpose, packed) {
		return nil, e, wrong
	}
	raw, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxReport+1))
	if err != nil || len(raw) > maxReport {
		return nil, e, wrong
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, e, hub.Internal("read the report of an examination", err)
	}
	return raw, e, nil
}

// saveReport answers with the report of an examination as a file.
func (x *exchange) saveReport() error {
	raw, e, err := x.carriedBack()
	if err != nil {
		return err
	}
	var file bytes.Buffer
	kind, ending := "application/json", ".json"
	if x.r.PostFormValue("as") == "pdf" {
		kind, ending = "application/pdf", ".pdf"
		if err := x.reportPDF(&file, &e); err != nil {
			return hub.Internal("write the report of an examination", err)
		}
	} else if err := json.Indent(&file, raw, "", "  "); err != nil {
		return hub.Internal("write the report of an examination", err)
	}
	h := x.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition("attachment", x.say("examine.report.name")+" "+visible(e.Report.Name)+ending))
	h.Set("Content-Security-Policy", sandbox)
	_, _ = file.WriteTo(x.w) // the browser may have gone
	return nil
}

// reportPDF writes a report for people: what the file is, then every signature with every
// check, or every step of a bundle.
func (x *exchange) reportPDF(to io.Writer, e *examination) error {
	v, r := &view{x: x}, &e.Report
	indication := r.Indication
	if r.Bundle != nil {
		indication = r.Bundle.Indication
	}
	below := []string{
		visible(r.Name) + " – " + x.say("file."+string(r.Kind)), x.say("digest") + " " + r.SHA256.String(),
		v.Verdict(indication) + " (" + string(indication) + "). " + v.Meaning(indication),
		x.say("examine.report.at", v.Clock(e.ExaminedAt), e.Hub, e.Version),
	}
	w, err := sheet.NewPDF(to, &sheet.Table{
		Title: x.say("examine.report.title"), Below: below, Page: x.say("book.page"), Unsaid: x.say("sign.none"),
		Columns: []sheet.Column{
			{Name: x.say("examine.report.about"), Width: 0.25}, {Name: x.say("examine.report.check"), Width: 0.3},
			{Name: x.say("examine.report.result"), Width: 0.15}, {Name: x.say("examine.report.detail"), Width: 0.3},
		},
	})
	if err != nil {
		return err
	}
	for _, row := range x.reportRows(r) {
		if err := w.Row(row); err != nil {
			return err
		}
	}
	return w.Close()
}

func (x *exchange) reportRows(r *hub.FileReport) [][]string {
	v := &view{x: x}
	var rows [][]string
	if r.Evidence != nil {
		rows = append(rows, []string{x.say("receipt"), x.say("event." + r.Evidence.Event.Name()), "", v.Clock(r.Evidence.Time)})
	}
	if r.Bundle != nil {
		for i := range r.Bundle.Steps {
			s := &r.Bundle.Steps[i]
			detail := v.Because(s.Sub)
			for _, said := range s.Said {
				detail += " " + v.Said(said)
			}
			rows = append(rows, []string{x.say("file.bundle"), x.say("step." + plain(s.Number)), x.say("step." + string(s.Outcome)), strings.TrimSpace(detail)})
		}
		for i := range r.Bundle.Receipts {
			receipt := &r.Bundle.Receipts[i]
			rows = append(rows, []string{x.say("receipt"), x.say("event." + receipt.Event.Name()), "", v.Clock(receipt.Time)})
		}
		return rows
	}
	all := r.All()
	for i := range all {
		about := strings.TrimSpace(visible(all[i].Part))
		for _, finding := range all[i].Findings {
			rows = append(rows, []string{about, "", "", v.Found(finding).Text})
		}
		if len(all[i].Signatures) == 0 {
			rows = append(rows, []string{about, x.say("sign.none"), v.Verdict(all[i].Indication), v.Meaning(all[i].Indication)})
		}
		for n := range all[i].Signatures {
			rows = append(rows, x.signatureRows(about, &all[i].Signatures[n])...)
		}
	}
	return rows
}

func (x *exchange) signatureRows(part string, s *hub.SignatureVerdict) [][]string {
	v := &view{x: x}
	who := s.Signer
	if who == "" {
		who = x.say("sign.unknown")
	}
	about := strings.TrimPrefix(part+" – "+who, " – ")
	covers := x.say("sign.whole")
	if !s.CoversWhole {
		covers = x.say("sign.revision", s.Revision, s.Revisions)
	}
	claimed, proven := v.Clock(s.ClaimedAt), v.Clock(s.ProvenAt)
	if claimed == "" {
		claimed = x.say("sign.unclaimed")
	}
	if proven == "" {
		proven = x.say("sign.unproven")
	}
	changes := make([]string, len(s.Changes))
	for i, change := range s.Changes {
		changes[i] = x.Words.Change(x.lang, change)
	}
	rows := [][]string{{about, x.say("signatures"), v.Verdict(s.Indication), strings.TrimSpace(v.Because(s.Sub) + " " + x.technical(s.Reason))}}
	for _, fact := range [][2]string{
		{"sign.agency", s.Organization}, {"sign.issuer", s.Issuer}, {"sign.claimed", claimed}, {"sign.proven", proven},
		{"sign.covers", covers}, {"sign.level", strings.TrimSpace(v.Level(s.Level) + " " + s.Format)}, {"examine.report.changes", strings.Join(changes, "; ")},
	} {
		if fact[1] != "" {
			rows = append(rows, []string{about, x.say(fact[0]), "", fact[1]})
		}
	}
	for _, c := range s.Checks {
		result := "check.failed"
		switch {
		case c.Skipped:
			result = "check.skipped"
		case c.Passed:
			result = "check.passed"
		}
		rows = append(rows, []string{about, v.Check(c.Name), strings.TrimSuffix(x.say(result), ":"), x.technical(c.Detail)})
	}
	return rows
}

// technical is a detail that is in English whatever the language of the page, under its name.
func (x *exchange) technical(detail string) string {
	if detail == "" || x.lang == english {
		return detail
	}
	return x.say("technical") + ": " + detail
}
