package intake

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Longest values in characters, but for part names. Those of the document are the
// input data standard of NĐ 30/2020/NĐ-CP, annex VI part II; the others are ours.
const (
	maxExternalID = 200
	maxKey        = 200
	maxNumber     = 11
	maxNotation   = 30
	maxTypeName   = 100
	maxSubject    = 500
	maxContent    = 500
	maxPlace      = 100
	maxName       = 200 // of agencies and of what has no other limit
	maxPosition   = 100
	maxFullName   = 50
	maxToPlaces   = 1000
	maxReason     = 1000
	maxPartID     = 50
	maxPartName   = 255 // bytes: what file systems take
	maxList       = 1000
)

// validate makes every check that needs no look-up.
func (s *Service) validate(sub *hub.Submission) hub.Violations {
	var c checker
	c.text("external_id", sub.ExternalID, true, maxExternalID)
	c.text("idempotency_key", sub.Key, false, maxKey)
	if sub.Operation.Code() < 0 {
		c.fail("operation", "code_list", "operation %.20q is none of new, recall, update, replace", string(sub.Operation))
	}
	c.document(&sub.Document)
	c.business(sub)
	s.recipients(&c, sub.Recipients)
	if n := len(sub.ForInformation); n > s.MaxRecipients {
		c.add(hub.Errorf(hub.KindTooLarge, "for_information", "max_items", "%d recipients for information, at most %d are allowed", n, s.MaxRecipients))
	}
	s.parts(&c, sub)
	for i := range bounded(&c, "trace", sub.Trace) {
		c.text(fmt.Sprintf("trace[%d].agency", i), sub.Trace[i].Agency, false, maxName)
	}
	return c.found
}

func (c *checker) document(d *hub.Document) {
	c.text("document.code_number", d.CodeNumber, true, maxNumber)
	c.text("document.code_notation", d.CodeNotation, true, maxNotation)
	c.text("document.type_name", d.TypeName, false, maxTypeName)
	c.text("document.subject", d.Subject, true, maxSubject)
	c.lines("document.content", d.Content, maxContent)
	c.text("document.place", d.Place, false, maxPlace)
	c.date("document.promulgated", d.Promulgated, true)
	c.date("document.due_date", d.DueDate, false)
	c.text("document.signer.competence", d.Signer.Competence, false, maxPosition)
	c.text("document.signer.position", d.Signer.Position, false, maxPosition)
	c.text("document.signer.full_name", d.Signer.FullName, false, maxFullName)
	c.priority("document.priority", d.Priority)
	c.count("document.page_amount", d.PageAmount)
	c.count("document.issued_amount", d.IssuedAmount)
	c.text("document.sphere", d.Sphere, false, maxName)
	c.text("document.typist_mark", d.TypistMark, false, maxName)
	c.text("document.application_type", d.Application, false, maxName)
	c.texts("document.appendixes", d.Appendixes, maxSubject)
	c.texts("document.to_places", d.ToPlaces, maxToPlaces)
	c.texts("document.response_tasks", d.ResponseTasks, maxExternalID)
	for i := range bounded(c, "document.response_for", d.ResponseFor) {
		c.reference(fmt.Sprintf("document.response_for[%d]", i), d.ResponseFor[i])
	}
	c.staff("document.staff", d.Staff)
	c.secret(d)
}

func (c *checker) reference(field string, r hub.Reference) {
	c.text(field+".agency", r.Agency, false, hub.MaxCodeLength)
	c.text(field+".number", r.Number, false, maxNumber+1+maxNotation)
	c.text(field+".external_id", r.ExternalID, false, maxExternalID)
	c.date(field+".promulgated", r.Promulgated, false)
}

func (c *checker) staff(field string, s *hub.Staff) {
	if s == nil {
		return
	}
	c.text(field+".department", s.Department, false, maxName)
	c.text(field+".department_id", s.DepartmentID, false, maxName)
	c.text(field+".name", s.Name, false, maxName)
	c.text(field+".id", s.ID, false, maxName)
	c.text(field+".email", s.Email, false, maxName)
	c.text(field+".mobile", s.Mobile, false, maxFullName)
}

// business checks what a recall, update or replacement says of earlier documents.
// A recall needs to name none: its own external id is then the one it recalls.
func (c *checker) business(sub *hub.Submission) {
	const field = "document.business"
	b := &sub.Document.Business
	c.text(field+".earlier_id", b.EarlierID, false, maxExternalID)
	c.lines(field+".reason", b.Reason, maxReason)
	for i := range bounded(c, field+".receivers", b.Receivers) {
		c.text(fmt.Sprintf("%s.receivers[%d].agency", field, i), b.Receivers[i].Agency, true, hub.MaxCodeLength)
	}
	for i := range bounded(c, field+".replacements", b.Replacements) {
		r, place := &b.Replacements[i], fmt.Sprintf("%s.replacements[%d]", field, i)
		c.text(place+".external_id", r.ExternalID, true, maxExternalID)
		c.texts(place+".agencies", r.Agencies, hub.MaxCodeLength)
	}
	switch {
	case sub.Operation == hub.OperationUpdate && b.EarlierID == "":
		c.fail(field+".earlier_id", "required", "an update names the document that it updates")
	case sub.Operation == hub.OperationReplace && b.EarlierID == "" && len(b.Replacements) == 0:
		c.fail(field+".replacements", "required", "a replacement names the documents that it replaces")
	}
}

func (s *Service) recipients(c *checker, codes []string) {
	switch {
	case len(codes) == 0:
		c.fail("recipients", "required", "at least one recipient is required")
	case len(codes) > s.MaxRecipients:
		c.add(hub.Errorf(hub.KindTooLarge, "recipients", "max_items", "%d recipients, at most %d are allowed", len(codes), s.MaxRecipients))
	}
}

func (s *Service) parts(c *checker, sub *hub.Submission) {
	if len(sub.Parts) > s.MaxParts {
		c.add(hub.Errorf(hub.KindTooLarge, "parts", "max_items", "%d parts, at most %d are allowed", len(sub.Parts), s.MaxParts))
		return
	}
	seen, content := map[string]bool{}, false
	for i := range sub.Parts {
		p := &sub.Parts[i]
		field := fmt.Sprintf("parts[%d]", i)
		c.part(field, p)
		if seen[p.ID] || p.ID == string(hub.RoleEnvelope) {
			c.fail(field+".id", "unique", "the part id %.60q is used twice or reserved", p.ID)
		}
		seen[p.ID] = true
		content = content || p.Size > 0
	}
	bare := sub.Operation == hub.OperationRecall && sub.Envelope != nil && len(sub.Parts) == 0
	if !content && !bare {
		c.fail("parts", "required", "at least one file with content is required")
	}
}

func (c *checker) part(field string, p *hub.Part) {
	c.text(field+".id", p.ID, true, maxPartID)
	if p.Role != hub.RoleOriginal && p.Role != hub.RoleAttachment {
		c.fail(field+".role", "code_list", "the role of a part is original or attachment")
	}
	c.fileName(field+".name", p.Name)
	c.text(field+".description", p.Description, false, maxSubject)
	c.text(field+".media_type", p.MediaType, true, maxName)
	if p.Size < 0 {
		c.fail(field+".size", "minimum", "a size is not negative")
	}
}

// fileName checks a name that people will save a file under.
func (c *checker) fileName(field, name string) {
	before := len(c.found)
	c.text(field, name, true, utf8.RuneCountInString(name))
	switch {
	case len(c.found) > before:
	case len(name) > maxPartName:
		c.fail(field, "max_length", "a file name has at most %d bytes, this one %d", maxPartName, len(name))
	case strings.ContainsAny(name, `/\:`), strings.HasSuffix(name, "."), strings.TrimSpace(name) != name:
		c.fail(field, "file_name", "a file name has no path, drive, leading or trailing blank, or trailing dot")
	}
}
