package edxml

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/base64"
	"encoding/xml"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Opener opens the content of a part.
type Opener func(ctx context.Context, part hub.Part) (hub.Blob, error)

// Organization is a party as a package names it.
type Organization struct {
	Code     string
	InCharge string // superior agency
	Name     string
	Contact  hub.Contact
}

// EncodeSubmission writes a document package. names gives the names that go with
// the codes of sender and recipients and may be nil. The envelope of the
// submission, if any, is not looked at: to forward a package as received, copy it.
func (c *Codec) EncodeSubmission(ctx context.Context, w io.Writer, s hub.Submission, names func(code string) Organization, open Opener) error {
	e := newEncoder(w)
	if names == nil {
		names = func(code string) Organization { return Organization{Code: code} }
	}
	e.openEnvelope()
	e.open("edXMLHeader")
	e.documentHeader(&s, names)
	e.traceHeaders(&s)
	e.close("edXMLHeader")
	e.manifest(s.Parts)
	e.close("edXMLEnvelope")
	e.plain = true
	e.attachments(ctx, s.Parts, open)
	return e.end()
}

// EncodeDispatch writes the package of an accepted dispatch that came in another
// form, for one or all of its recipients.
func (c *Codec) EncodeDispatch(ctx context.Context, w io.Writer, d hub.Dispatch, deliveries []hub.Delivery, open Opener) error {
	s := hub.Submission{
		Sender: string(d.SenderCode), ExternalID: d.ExternalID, Operation: d.Operation, Document: d.Document,
		Trace: []hub.Hop{{Agency: string(d.SenderCode), Time: d.AcceptedAt}},
	}
	if o := d.Origin; o != nil {
		s.Trace = append([]hub.Hop{{Agency: string(o.SenderCode), Time: o.AcceptedAt}}, s.Trace...)
	}
	known := map[string]Organization{s.Sender: {Code: s.Sender, Name: d.SenderName}}
	for _, v := range deliveries {
		s.Recipients = append(s.Recipients, string(v.AddressedAs))
		known[string(v.AddressedAs)] = Organization{Code: string(v.AddressedAs), Name: v.Name}
	}
	for _, p := range d.Parts {
		if p.Role != hub.RoleEnvelope {
			s.Parts = append(s.Parts, p)
		}
	}
	return c.EncodeSubmission(ctx, w, s, func(code string) Organization { return known[code] }, open)
}

// EncodeStatus writes a status package.
func (c *Codec) EncodeStatus(w io.Writer, m hub.StatusMessage) error {
	e := newEncoder(w)
	e.openEnvelope()
	e.open("edXMLHeader")
	e.open("MessageHeader")
	e.organization("From", Organization{Code: m.From})
	e.open("ResponseFor")
	e.reference(m.For)
	e.close("ResponseFor")
	e.staff(m.Staff)
	e.element("StatusCode", string(m.Code))
	e.element("Description", m.Description)
	e.element("Timestamp", writeStamp(m.StatedAt))
	e.close("MessageHeader")
	e.close("edXMLHeader")
	e.close("edXMLEnvelope")
	return e.end()
}

// encoder writes lines as the reference builder does: CR LF, two blanks of
// indentation, the prefix edXML inside the envelope and none outside.
type encoder struct {
	w     *bufio.Writer
	depth int
	plain bool // without prefix
	err   error
}

func newEncoder(w io.Writer) *encoder {
	e := &encoder{w: bufio.NewWriterSize(w, 64<<10)}
	e.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	e.line(`<edXML xmlns="` + Namespace + `">`)
	e.depth++
	return e
}

// end closes the root and hands everything on.
func (e *encoder) end() error {
	e.depth--
	e.line("</edXML>")
	if e.err != nil {
		return e.err
	}
	return e.w.Flush()
}

func (e *encoder) write(s string) {
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
}

func (e *encoder) line(s string) { e.write(strings.Repeat("  ", e.depth) + s + "\r\n") }

func (e *encoder) tag(name string) string {
	if e.plain {
		return name
	}
	return "edXML:" + name
}

func (e *encoder) open(name string) {
	e.line("<" + e.tag(name) + ">")
	e.depth++
}

func (e *encoder) close(name string) {
	e.depth--
	e.line("</" + e.tag(name) + ">")
}

func (e *encoder) openEnvelope() {
	e.line(`<edXML:edXMLEnvelope xmlns:edXML="` + Namespace + `">`)
	e.depth++
}

// element writes one value; an empty one is left out, as the builder does.
func (e *encoder) element(name, value string) {
	if value != "" {
		e.line("<" + e.tag(name) + ">" + escape(value) + "</" + e.tag(name) + ">")
	}
}

func (e *encoder) number(name string, value int) { e.element(name, strconv.Itoa(value)) }

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}

func writeDate(d hub.Date) string { return strings.ReplaceAll(string(d), "-", "/") }

func writeStamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(hub.Vietnam()).Format("2006/01/02 15:04:05")
}

func (e *encoder) documentHeader(s *hub.Submission, names func(string) Organization) {
	e.open("MessageHeader")
	e.organization("From", named(names, s.Sender))
	for _, to := range s.Recipients {
		e.organization("To", named(names, to))
	}
	d := &s.Document
	e.element("DocumentId", s.ExternalID)
	e.open("Code")
	e.element("CodeNumber", d.CodeNumber)
	e.element("CodeNotation", d.CodeNotation)
	e.close("Code")
	e.open("PromulgationInfo")
	e.element("Place", d.Place)
	e.element("PromulgationDate", writeDate(d.Promulgated))
	e.close("PromulgationInfo")
	e.open("DocumentType")
	e.number("Type", d.TypeCode)
	e.number("TypeDetail", d.TypeDetail)
	e.element("TypeName", d.TypeName)
	e.close("DocumentType")
	e.element("Subject", d.Subject)
	e.element("Content", d.Content)
	e.signer(d.Signer)
	e.element("DueDate", writeDate(d.DueDate))
	e.otherInfo(d)
	for _, r := range d.ResponseFor {
		e.open("ResponseFor")
		e.reference(r)
		e.close("ResponseFor")
	}
	e.number("SteeringType", d.SteeringType)
	e.list("ResponseForTask", "TaskCode", d.ResponseTasks)
	e.element("ApplicationType", d.Application)
	e.list("ToPlaces", "Place", d.ToPlaces)
	e.close("MessageHeader")
}

func named(names func(string) Organization, code string) Organization {
	o := names(code)
	o.Code = code
	return o
}

func (e *encoder) organization(name string, o Organization) {
	e.open(name)
	e.element("OrganId", o.Code)
	e.element("OrganizationInCharge", o.InCharge)
	e.element("OrganName", o.Name)
	e.element("OrganAdd", o.Contact.Address)
	e.element("Email", o.Contact.Email)
	e.element("Telephone", o.Contact.Telephone)
	e.element("Fax", o.Contact.Fax)
	e.element("Website", o.Contact.Website)
	e.close(name)
}

func (e *encoder) signer(s hub.Signer) {
	if s == (hub.Signer{}) {
		return
	}
	e.open("SignerInfo")
	e.element("Competence", s.Competence)
	e.element("Position", s.Position)
	e.element("FullName", s.FullName)
	e.close("SignerInfo")
}

func (e *encoder) otherInfo(d *hub.Document) {
	e.open("OtherInfo")
	e.number("Priority", int(d.Priority))
	e.element("SphereOfPromulgation", d.Sphere)
	e.element("TyperNotation", d.TypistMark)
	e.number("PromulgationAmount", d.IssuedAmount)
	e.number("PageAmount", d.PageAmount)
	e.element("Direction", strconv.FormatBool(false))
	e.list("Appendixes", "Appendix", d.Appendixes)
	e.close("OtherInfo")
}

func (e *encoder) list(outer, inner string, values []string) {
	if len(values) == 0 {
		return
	}
	e.open(outer)
	for _, v := range values {
		e.element(inner, v)
	}
	e.close(outer)
}

func (e *encoder) reference(r hub.Reference) {
	e.element("OrganId", r.Agency)
	e.element("Code", r.Number)
	e.element("DocumentId", r.ExternalID)
	e.element("PromulgationDate", writeDate(r.Promulgated))
}

func (e *encoder) staff(s *hub.Staff) {
	if s == nil {
		return
	}
	e.open("StaffInfo")
	e.element("Department", s.Department)
	e.element("DepartmentId", s.DepartmentID)
	e.element("Staff", s.Name)
	e.element("StaffId", s.ID)
	e.element("Email", s.Email)
	e.element("Mobile", s.Mobile)
	e.close("StaffInfo")
}

func (e *encoder) traceHeaders(s *hub.Submission) {
	e.open("TraceHeaderList")
	e.business(s)
	for _, hop := range s.Trace {
		e.open("TraceHeader")
		e.element("OrganId", hop.Agency)
		e.element("Timestamp", writeStamp(hop.Time))
		e.close("TraceHeader")
	}
	e.close("TraceHeaderList")
}

func (e *encoder) business(s *hub.Submission) {
	b := &s.Document.Business
	e.open("Bussiness")
	e.element("DocumentId", b.EarlierID)
	e.number("BussinessDocType", max(s.Operation.Code(), 0))
	e.element("BussinessDocReason", b.Reason)
	e.element("Paper", oneIf(s.Document.PaperFollows))
	if b.InfoChanged || b.ToChanged || len(b.Receivers) > 0 {
		e.open("BussinessDocumentInfo")
		e.element("DocumentInfo", oneIf(b.InfoChanged))
		e.element("DocumentReceiver", oneIf(b.ToChanged))
		e.receivers(b.Receivers)
		e.close("BussinessDocumentInfo")
	}
	if len(b.Replacements) > 0 {
		e.open("ReplacementInfoList")
		for _, r := range b.Replacements {
			e.open("ReplacementInfo")
			e.element("DocumentId", r.ExternalID)
			e.list("OrganIdList", "OrganId", r.Agencies)
			e.close("ReplacementInfo")
		}
		e.close("ReplacementInfoList")
	}
	e.staff(s.Document.Staff)
	e.close("Bussiness")
}

func oneIf(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func (e *encoder) receivers(list []hub.ReceiverChange) {
	if len(list) == 0 {
		return
	}
	e.open("ReceiverList")
	for _, r := range list {
		e.open("Receiver")
		e.element("OrganId", r.Agency)
		e.element("ReceiverType", oneIf(r.Added))
		e.close("Receiver")
	}
	e.close("ReceiverList")
}

func (e *encoder) manifest(parts []hub.Part) {
	e.open("edXMLBody")
	e.line(`<edXML:edXMLManifest version="1.0">`)
	e.depth++
	for _, p := range parts {
		e.open("Reference")
		e.element("ContentId", "cid:"+p.ID)
		e.element("ContentType", "application/zip") // always, as the builder does; readers go by Attachment
		e.element("Description", p.Description)
		e.element("AttachmentName", p.Name)
		e.close("Reference")
	}
	e.close("edXMLManifest")
	e.close("edXMLBody")
}

func (e *encoder) attachments(ctx context.Context, parts []hub.Part, open Opener) {
	if len(parts) == 0 {
		e.line("<AttachmentEncoded/>")
		return
	}
	e.open("AttachmentEncoded")
	for _, p := range parts {
		e.open("Attachment")
		e.element("ContentId", "cid:"+p.ID)
		e.element("AttachmentName", p.Name)
		e.element("Description", p.Description)
		kind, zipped := contentType(p.Name)
		e.element("ContentType", kind)
		e.content(ctx, p, zipped, open)
		e.close("Attachment")
	}
	e.close("AttachmentEncoded")
}

// contentType is what the reference builder writes for a file of that name, and
// whether it packs the file into a ZIP. The spellings are its own.
func contentType(name string) (kind string, zipped bool) {
	switch ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")); ext {
	case "pdf", "doc", "docx", "xsl", "xslx":
		return "application/" + ext, false
	case "zip":
		// The reader leaves content alone only when the name ends in "zip" as it
		// stands; another spelling would be unpacked.
		return "application/zip", path.Ext(name) != ".zip"
	}
	return "application/zip", true
}

func (e *encoder) content(ctx context.Context, p hub.Part, zipped bool, open Opener) {
	e.write(strings.Repeat("  ", e.depth) + `<edXML:ContentTransferEncoded xmlns:edXML="` + Namespace + `">`)
	if e.err == nil {
		e.err = e.copyContent(ctx, p, zipped, open)
	}
	e.write("</edXML:ContentTransferEncoded>\r\n")
}

func (e *encoder) copyContent(ctx context.Context, p hub.Part, zipped bool, open Opener) error {
	blob, err := open(ctx, p)
	if err != nil {
		return err
	}
	defer blob.Close()
	text := base64.NewEncoder(base64.StdEncoding, e.w)
	if zipped {
		err = zipInto(text, p, blob)
	} else {
		_, err = io.Copy(text, struct{ io.Reader }{blob})
	}
	if err != nil {
		return err
	}
	return text.Close()
}

// zipInto packs the file under a name made from its digest: what readers show is
// AttachmentName, and the name inside must be safe on every system.
func zipInto(w io.Writer, p hub.Part, blob hub.Blob) error {
	ext := path.Ext(p.Name)
	if ext == "" || strings.ContainsAny(ext, `\/:`) {
		ext = ".unk"
	}
	archive := zip.NewWriter(w)
	entry, err := archive.Create(p.Digest.String()[:32] + ext)
	if err != nil {
		return err
	}
	if _, err := io.Copy(entry, struct{ io.Reader }{blob}); err != nil {
		return err
	}
	return archive.Close()
}
