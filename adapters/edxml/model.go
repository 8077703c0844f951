package edxml

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/lienthong/lienthong/hub"
)

// model turns the tree into a document or status message. Violations are
// collected, so that a sender can mend them together.
func (h *header) model() (hub.Package, error) {
	if child(h.message, "StatusCode") != nil {
		m := h.status()
		return hub.Package{Kind: hub.PackageStatus, Status: m}, h.violations.AsError()
	}
	s := h.submission()
	return hub.Package{Kind: hub.PackageDocument, Submission: s}, h.violations.AsError()
}

func (h *header) violate(field, rule, format string, args ...any) {
	h.violations = append(h.violations, hub.Invalid("MessageHeader/"+field, rule, format, args...))
}

func (h *header) submission() *hub.Submission {
	m := h.message
	s := &hub.Submission{
		Format:     hub.FormatEdXML,
		Operation:  hub.OperationNew,
		Sender:     h.organ("From"),
		Recipients: h.recipients(),
		ExternalID: text(m, "DocumentId"),
		Document:   h.document(),
		XMLSigned:  h.signed(),
	}
	if s.ExternalID == "" {
		h.violate("DocumentId", "required", "the element DocumentId is missing or empty")
	}
	h.business(s)
	h.trace(s)
	return s
}

func (h *header) organ(name string) string {
	code := text(child(h.message, name), "OrganId")
	if code == "" {
		h.violate(name+"/OrganId", "required", "the sending agency (From/OrganId) is missing")
	}
	return code
}

func (h *header) recipients() []string {
	var codes []string
	for i, to := range children(h.message, "To") {
		code := text(to, "OrganId")
		if code == "" {
			h.violate(fmt.Sprintf("To[%d]/OrganId", i), "required", "recipient %d has no OrganId", i+1)
			continue
		}
		codes = append(codes, code)
	}
	return codes
}

func (h *header) document() hub.Document {
	m := h.message
	code, info, kind, other := child(m, "Code"), child(m, "PromulgationInfo"), child(m, "DocumentType"), child(m, "OtherInfo")
	signer := child(m, "SignerInfo")
	d := hub.Document{
		CodeNumber:    text(code, "CodeNumber"),
		CodeNotation:  text(code, "CodeNotation"),
		TypeCode:      number(kind, "Type"),
		TypeDetail:    number(kind, "TypeDetail"),
		TypeName:      text(kind, "TypeName"),
		Subject:       text(m, "Subject"),
		Content:       text(m, "Content"),
		Place:         text(info, "Place"),
		Promulgated:   h.date("PromulgationInfo/PromulgationDate", text(info, "PromulgationDate")),
		DueDate:       h.date("DueDate", text(m, "DueDate")),
		Signer:        hub.Signer{Competence: text(signer, "Competence"), Position: text(signer, "Position"), FullName: text(signer, "FullName")},
		Priority:      hub.Priority(number(other, "Priority")),
		PageAmount:    number(other, "PageAmount"),
		IssuedAmount:  number(other, "PromulgationAmount"),
		Sphere:        text(other, "SphereOfPromulgation"),
		TypistMark:    text(other, "TyperNotation"),
		Appendixes:    texts(child(other, "Appendixes"), "Appendix"),
		ToPlaces:      texts(child(m, "ToPlaces"), "Place"),
		ResponseFor:   h.references(),
		ResponseTasks: responseTasks(m),
		Application:   text(m, "ApplicationType"),
		SteeringType:  h.steering(),
	}
	return d
}

func responseTasks(m *etree.Element) []string {
	var tasks []string
	for _, r := range children(m, "ResponseForTask") {
		tasks = append(tasks, texts(r, "TaskCode")...)
	}
	return tasks
}

func texts(e *etree.Element, name string) []string {
	var list []string
	for _, c := range children(e, name) {
		if t := content(c); t != "" {
			list = append(list, t)
		}
	}
	return list
}

// number reads an integer leniently: what is not one counts as 0, as programs in
// use rely on.
func number(e *etree.Element, name string) int {
	n, err := strconv.Atoi(text(e, name))
	if err != nil {
		return 0
	}
	return n
}

// steering is the one integer that the reference parser is strict about.
func (h *header) steering() int {
	e := child(h.message, "SteeringType")
	if e == nil {
		return 0
	}
	n, err := strconv.Atoi(e.Text())
	if err != nil || len(e.ChildElements()) > 0 {
		h.violate("SteeringType", "integer", "SteeringType must be a plain integer when it is there")
	}
	return n
}

func (h *header) references() []hub.Reference {
	var list []hub.Reference
	for i, r := range children(h.message, "ResponseFor") {
		ref := h.reference(fmt.Sprintf("ResponseFor[%d]", i), r)
		if ref != (hub.Reference{}) {
			list = append(list, ref)
		}
	}
	return list
}

func (h *header) reference(field string, e *etree.Element) hub.Reference {
	return hub.Reference{
		Agency:      text(e, "OrganId"),
		Number:      text(e, "Code"),
		ExternalID:  text(e, "DocumentId"),
		Promulgated: h.date(field+"/PromulgationDate", text(e, "PromulgationDate")),
	}
}

// date reads yyyy/MM/dd with or without leading zeros, also with dashes and with
// a time behind it. A date that does not exist is refused: the samples prove
// that programs write them, and guessing would change what the paper says. The first day
// of year 1 is what builders for .NET write where nothing was set.
func (h *header) date(field, value string) hub.Date {
	if value == "" {
		return ""
	}
	day, _, _ := strings.Cut(value, " ")
	day, _, _ = strings.Cut(day, "T")
	for _, layout := range []string{"2006/1/2", "2006-1-2"} {
		t, err := time.Parse(layout, day)
		switch {
		case err != nil:
			continue
		case t.IsZero():
			return ""
		}
		return hub.Date(t.Format(time.DateOnly))
	}
	h.violate(field, "date", "%q is not a date of the form yyyy/MM/dd that exists", value)
	return ""
}

// stamp reads yyyy/MM/dd HH:mm:ss as Vietnam time; the zero time when it cannot.
func stamp(value string) time.Time {
	t, err := time.ParseInLocation("2006/1/2 15:04:05", value, hub.Vietnam())
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// business reads what the package does to earlier documents. It stands under
// TraceHeaderList, before or after the stations; its name is misspelt by rule
// and spelt right by some.
func (h *header) business(s *hub.Submission) {
	list := h.traceList()
	b := child(list, "Bussiness")
	if b == nil {
		return
	}
	s.Document.Business = hub.BusinessInfo{
		EarlierID: text(b, "DocumentId"),
		Reason:    text(b, "BussinessDocReason"),
	}
	s.Document.PaperFollows = text(b, "Paper") == "1"
	s.Document.Staff = staff(child(b, "StaffInfo"))
	kind := text(b, "BussinessDocType")
	if kind == "" {
		kind = text(b, "BusinessDocType")
	}
	if kind != "" {
		h.operation(s, kind)
	}
	for _, info := range children(b, "BussinessDocumentInfo") {
		s.Document.Business.InfoChanged = s.Document.Business.InfoChanged || text(info, "DocumentInfo") == "1"
		s.Document.Business.ToChanged = s.Document.Business.ToChanged || text(info, "DocumentReceiver") == "1"
		for _, r := range children(child(info, "ReceiverList"), "Receiver") {
			change := hub.ReceiverChange{Agency: text(r, "OrganId"), Added: text(r, "ReceiverType") == "1"}
			s.Document.Business.Receivers = append(s.Document.Business.Receivers, change)
		}
	}
	for _, r := range children(b, "ReplacementInfoList") {
		for _, info := range children(r, "ReplacementInfo") {
			s.Document.Business.Replacements = append(s.Document.Business.Replacements, hub.ReplacementInfo{
				ExternalID: text(info, "DocumentId"), Agencies: texts(child(info, "OrganIdList"), "OrganId"),
			})
		}
	}
}

func (h *header) operation(s *hub.Submission, kind string) {
	code, err := strconv.Atoi(kind)
	if err == nil {
		s.Operation, err = hub.OperationOfCode(code)
	}
	if err != nil {
		h.violations = append(h.violations, hub.Invalid("TraceHeaderList/Bussiness/BussinessDocType", "code_list",
			"%q is none of 0 new, 1 recall, 2 update, 3 replace", kind))
	}
}

func (h *header) traceList() *etree.Element {
	return child(child(h.envelope, "edXMLHeader"), "TraceHeaderList")
}

func (h *header) trace(s *hub.Submission) {
	for _, t := range children(h.traceList(), "TraceHeader") {
		s.Trace = append(s.Trace, hub.Hop{Agency: text(t, "OrganId"), Time: stamp(text(t, "Timestamp"))})
	}
}

func staff(e *etree.Element) *hub.Staff {
	if e == nil {
		return nil
	}
	s := hub.Staff{
		Department: text(e, "Department"), DepartmentID: text(e, "DepartmentId"),
		Name: text(e, "Staff"), ID: text(e, "StaffId"), Email: text(e, "Email"), Mobile: text(e, "Mobile"),
	}
	if s == (hub.Staff{}) {
		return nil
	}
	return &s
}

// signed reports whether the header carries a signature block with a value, in
// whatever namespace.
func (h *header) signed() bool {
	return text(child(child(h.envelope, "edXMLHeader"), "Signature"), "SignatureValue") != ""
}

func (h *header) status() *hub.StatusMessage {
	m := h.message
	code := hub.StatusCode(text(m, "StatusCode"))
	if !code.Valid() {
		h.violate("StatusCode", "code_list", "%q is none of 01 to 06, 13, 15, 16", code)
	}
	return &hub.StatusMessage{
		From:        h.organ("From"),
		For:         h.reference("ResponseFor", child(m, "ResponseFor")),
		Code:        code,
		Description: text(m, "Description"),
		Staff:       staff(child(m, "StaffInfo")),
		StatedAt:    stamp(text(m, "Timestamp")),
	}
}
