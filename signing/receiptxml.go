package signing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/c14n"
	"github.com/lienthong/lienthong/signing/verdict"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// The namespaces of the XML form: the components are named as in ETSI EN 319 522-3, the
// rest is ours. The form is described by schemas/evidence.xsd.
const (
	evidenceNamespace  = "http://uri.etsi.org/19522/v1#"
	extensionNamespace = "urn:lienthong:evidence:1"
)

// MaxReceiptXML is the largest XML form that VerifyReceiptXML reads, in bytes.
const MaxReceiptXML = 6 * hub.MaxReceiptSize

// ReceiptXML returns the XML form of a receipt for systems that read XML only, with a
// XAdES signature (B-B) by the key whose turn it is, made now. It says what the evidence
// says and carries the whole receipt with the digest of its canonical bytes: the JSON is
// what rules, and VerifyReceiptXML proves that both are equal. The same receipt may have
// many XML forms, all with its id.
func (s *Sealer) ReceiptXML(ctx context.Context, sealed hub.SealedEvidence) ([]byte, error) {
	turns, now := s.current()
	maker := xmldsig.Maker{Key: turns[now].Signer, Chain: turns[now].Chain}
	form, err := maker.SignDocument(ctx, writeReceiptXML(&sealed), s.now())
	if err != nil {
		return nil, hub.Internal("sign the XML form of a receipt", err)
	}
	return form, nil
}

// IsReceiptXML reports whether the beginning of a file is that of the XML form of a
// receipt.
func IsReceiptXML(head []byte) bool {
	_, head, _ = bytes.Cut(head, []byte("<"+rootName))
	return bytes.HasPrefix(bytes.TrimLeft(head, " "), []byte(`xmlns:e="`+evidenceNamespace+`"`))
}

const rootName = "e:Evidence"

// VerifyReceiptXML judges the XML form of a receipt offline: its XAdES signature, the
// receipt that it carries, and that both say the same, word for word. The worst decides.
// An error of KindInvalid or KindTooLarge says that it carries no receipt.
func (v *Verifier) VerifyReceiptXML(ctx context.Context, form []byte, at time.Time) (hub.SealedEvidence, hub.SignatureReport, error) {
	none := hub.SealedEvidence{}
	if len(form) > MaxReceiptXML {
		return none, hub.SignatureReport{}, hub.Errorf(hub.KindTooLarge, "", "max_size", "the XML form of a receipt has at most %d bytes", MaxReceiptXML)
	}
	carried, digest, err := carriedReceipt(form)
	if err != nil {
		return none, hub.SignatureReport{}, err
	}
	sealed, report, err := v.VerifyReceipt(carried, at)
	if err != nil {
		return none, report, err
	}
	signatures, err := v.beginEvidence(Inquiry{At: at}).receiptXML(ctx, form, &sealed, digest)
	if err != nil {
		return none, report, err
	}
	report.Signatures = append(report.Signatures, signatures...)
	report.Conclude()
	return sealed, report, nil
}

// receiptXML judges the signatures of an XML form of a receipt; at least one verdict.
func (e *examination) receiptXML(ctx context.Context, form []byte, sealed *hub.SealedEvidence, digest string) ([]hub.SignatureVerdict, error) {
	found, err := xmldsig.Verify(ctx, bytes.NewReader(form), int64(len(form)), xmldsig.Options{Judge: e.judge, Tokens: e.tokens(), Keep: true})
	if err != nil {
		return nil, ioFailure(ctx, err)
	}
	var verdicts []hub.SignatureVerdict
	for i := range found.Signatures {
		s := &found.Signatures[i]
		s.Check("equal to the JSON", "the form says what the receipt in it says", checkEqual(sealed, digest, found.Details[i].Verified))
		verdicts = append(verdicts, toHub(s))
	}
	if len(verdicts) == 0 {
		s := verdict.Signature{Field: "Signature", Format: "XMLDSig", Level: "legacy"}
		s.Check("signature", "", verdict.Fail(verdict.FormatFailure, "the XML form of the receipt is not signed"))
		verdicts = append(verdicts, toHub(&s))
	}
	return verdicts, nil
}

// carriedReceipt returns the receipt file in an XML form, and the digest that stands
// beside it. What the rest says is compared with it later.
func carriedReceipt(form []byte) (receipt []byte, digest string, err error) {
	document, err := c14n.Parse(form)
	if err != nil {
		return nil, "", hub.Invalid("", "xml", "the XML form of a receipt cannot be read: %v", err)
	}
	var carrier struct {
		Extensions struct {
			Receipt struct {
				SHA256 string `xml:"sha256,attr"`
				Text   string `xml:",chardata"`
			} `xml:"urn:lienthong:evidence:1 JSONReceipt"`
		} `xml:"http://uri.etsi.org/19522/v1# Extensions"`
	}
	// The reader of canonical forms has refused all that this one could understand
	// otherwise: document types, processing instructions, other encodings.
	if document.Instructions || xml.Unmarshal(form, &carrier) != nil {
		return nil, "", hub.Invalid("", "xml", "the XML form of a receipt cannot be read")
	}
	r := &carrier.Extensions.Receipt
	if receipt, err = base64.StdEncoding.Strict().DecodeString(r.Text); err != nil || len(receipt) == 0 {
		return nil, "", hub.Invalid("JSONReceipt", "base64", "the XML form carries no receipt in base64")
	}
	return receipt, r.SHA256, nil
}

// checkEqual compares the bytes that a signature covers with the form that this receipt
// has: another element, value or order is another form.
func checkEqual(sealed *hub.SealedEvidence, digest string, verified [][]byte) *verdict.Problem {
	if digest != sealed.Digest.String() {
		return verdict.Fail(verdict.HashFailure, "the form names the digest %.64s of the receipt, it is %s", digest, sealed.Digest)
	}
	document, err := c14n.Parse(writeReceiptXML(sealed))
	if err != nil {
		return verdict.Fail(verdict.FormatFailure, "the receipt has no XML form: %v", err)
	}
	var want bytes.Buffer
	if err := document.Write(&want, nil, nil, c14n.Method{Exclusive: true}); err != nil {
		return verdict.Fail(verdict.FormatFailure, "the receipt has no XML form: %v", err)
	}
	for _, covered := range verified {
		if bytes.Equal(covered, want.Bytes()) {
			return nil
		}
	}
	return verdict.Fail(verdict.FormatFailure, "the form does not say what the receipt in it says")
}

// xmlWriter writes elements without white space between them: the form has one spelling.
type xmlWriter struct{ strings.Builder }

// open and end write tags; attributes are pairs of name and value, left out when empty.
func (w *xmlWriter) open(name string, attributes ...string) {
	w.WriteString("<" + name)
	for pair := range slices.Chunk(attributes, 2) {
		if name, value := pair[0], pair[1]; value != "" {
			w.WriteString(" " + name + `="`)
			w.text(value)
			w.WriteString(`"`)
		}
	}
	w.WriteString(">")
}

func (w *xmlWriter) end(name string) { w.WriteString("</" + name + ">") }

func (w *xmlWriter) text(text string) { _ = xml.EscapeText(w, []byte(text)) } // a builder never fails

// leaf writes an element with a text; none where the text is empty.
func (w *xmlWriter) leaf(name, text string, attributes ...string) {
	if text == "" {
		return
	}
	w.open(name, attributes...)
	w.text(text)
	w.end(name)
}

func (w *xmlWriter) party(name string, p *hub.Party) {
	index := ""
	if p.Index != nil {
		index = strconv.Itoa(*p.Index)
	}
	w.open(name, "index", index)
	w.leaf("Identifier", string(p.ID))
	w.leaf("h:Code", string(p.Code), "scheme", p.Scheme)
	w.leaf("h:Name", p.Name)
	w.leaf("h:Note", p.Note)
	if p.ForInformation {
		w.leaf("h:ForInformation", "true")
	}
	if p.Rule != nil {
		w.leaf("h:Rule", p.Rule.Name, "version", strconv.FormatInt(p.Rule.Version, 10))
	}
	if p.Auth != nil {
		w.leaf("h:Authentication", p.Auth.Actor, "method", string(p.Auth.Method))
	}
	w.end(name)
}

func writeReceiptXML(sealed *hub.SealedEvidence) []byte {
	e, w := &sealed.Evidence, &xmlWriter{}
	w.open(rootName, "xmlns:e", evidenceNamespace, "xmlns:h", extensionNamespace, "version", e.Version)
	w.leaf("e:EvidenceIdentifier", string(e.ID))
	w.leaf("e:ERDSEventId", string(e.Event))
	w.leaf("EventTime", stamp(e.Time))
	w.leaf("e:SubmissionTime", stamp(e.SubmissionTime))
	if len(e.Reasons) > 0 {
		w.open("e:EventReasons")
		for _, r := range e.Reasons {
			w.open("e:EventReason")
			w.leaf("h:Code", string(r.Code))
			w.leaf("Details", r.Detail)
			w.end("e:EventReason")
		}
		w.end("e:EventReasons")
	}
	w.open("e:EvidenceIssuerPolicyID")
	w.leaf("PolicyID", e.Profile)
	w.end("e:EvidenceIssuerPolicyID")
	w.party("e:EvidenceIssuerDetails", &e.Issuer)
	if e.Sender != nil {
		w.party("e:SenderDetails", e.Sender)
	}
	for i := range e.Recipients {
		w.party("e:RecipientDetails", &e.Recipients[i])
	}
	if e.Delegate != nil {
		w.party("e:RecipientDelegateDetails", e.Delegate)
	}
	w.leaf("e:MessageIdentifier", string(e.Dispatch))
	w.content(e.Content)
	w.extensions(sealed)
	w.end(rootName)
	return []byte(w.String())
}

func (w *xmlWriter) content(c *hub.Content) {
	if c == nil {
		return
	}
	w.open("e:UserContentInfo")
	w.leaf("ComposingParts", strconv.Itoa(len(c.Parts)))
	w.open("e:PartsInfo")
	for _, p := range c.Parts {
		w.open("e:PartInfo", "role", string(p.Role), "name", p.Name, "size", strconv.FormatInt(p.Size, 10))
		w.leaf("Identifier", p.ID)
		w.leaf("ContentType", p.MediaType)
		w.leaf("h:SHA256", p.SHA256.String())
		w.end("e:PartInfo")
	}
	w.end("e:PartsInfo")
	w.end("e:UserContentInfo")
}

// extensions are what ETSI EN 319 522 has no component for; what only machines read
// stands in the receipt alone.
func (w *xmlWriter) extensions(sealed *hub.SealedEvidence) {
	e := &sealed.Evidence
	w.open("e:Extensions")
	w.leaf("h:Delivery", string(e.Delivery))
	w.leaf("h:ExternalID", e.ExternalID)
	w.leaf("h:Operation", string(e.Operation))
	if e.Origin != nil {
		w.leaf("h:Origin", e.Origin.Name, "id", string(e.Origin.ID), "code", string(e.Origin.Code), "scheme", e.Origin.Scheme)
	}
	if e.Prev != nil {
		w.leaf("h:PreviousEvidence", string(e.Prev.ID), "sha256", e.Prev.SHA256.String())
	}
	if r := e.Registration; r != nil {
		w.open("h:Registration", "number", r.Number, "date", string(r.Date))
		w.text(r.Unit)
		w.end("h:Registration")
	}
	for _, v := range e.Validation {
		report := ""
		if !v.Report.IsZero() {
			report = v.Report.String()
		}
		w.open("h:Validation", "part", v.Part, "indication", string(v.Indication), "sub", string(v.Sub), "policy", v.Policy, "report_sha256", report)
		w.text(v.Signer)
		w.end("h:Validation")
	}
	if s := e.Status; s != nil {
		automatic := ""
		if s.Automatic {
			automatic = "true"
		}
		w.open("h:Status", "code", fmt.Sprint(s.Code), "stated_at", stamp(s.StatedAt), "automatic", automatic)
		w.text(s.Description)
		w.end("h:Status")
	}
	for i := range e.Tasks {
		w.task(&e.Tasks[i])
	}
	w.leaf("h:Note", e.Note)
	w.leaf("h:Log", e.Log.Origin)
	w.leaf("h:JSONReceipt", base64.StdEncoding.EncodeToString(hub.MarshalReceipt(*sealed)), "sha256", sealed.Digest.String())
	w.end("e:Extensions")
}

func (w *xmlWriter) task(t *hub.TaskFact) {
	number, percent := "", ""
	if t.Number > 0 {
		number = strconv.Itoa(t.Number)
	}
	if t.Percent > 0 {
		percent = strconv.Itoa(t.Percent)
	}
	w.open("h:Task", "id", string(t.ID), "act", string(t.Act), "state", string(t.State), "number", number, "answer", string(t.Answer),
		"due", string(t.Due), "percent", percent, "answered_by", string(t.AnsweredBy))
	w.leaf("h:Section", t.Section)
	w.leaf("h:Content", t.Content)
	w.leaf("h:Assigner", t.Assigner)
	for _, a := range t.Assignees {
		w.open("h:Assignee", "recipient", strconv.Itoa(a.Recipient), "role", string(a.Role), "due", string(a.Due))
		w.end("h:Assignee")
	}
	w.leaf("h:Text", t.Text)
	w.end("h:Task")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
