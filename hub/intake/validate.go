package intake

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Longest values in characters. Those of the document are the input data
// standard of NĐ 30/2020/NĐ-CP, annex VI part II; the others are ours.
const (
	maxExternalID = 200
	maxKey        = 200
	maxNumber     = 11
	maxNotation   = 30
	maxName       = 200
	maxSubject    = 500
	maxContent    = 2000
	maxPosition   = 100
	maxFullName   = 50
	maxPartName   = 255
	maxReason     = 1000
	maxToPlaces   = 1000
)

// checker collects violations, so that a sender can mend all of them at once.
type checker struct{ found hub.Violations }

func (c *checker) add(v *hub.Error) { c.found = append(c.found, v) }

// text checks one value: required or not, length in characters, encoding, and
// no characters that could change what a person believes to read.
func (c *checker) text(field, value string, required bool, longest int) {
	switch {
	case value == "" && required, required && strings.TrimSpace(value) == "":
		c.add(hub.Invalid(field, "required", "%s is required", field))
	case !utf8.ValidString(value):
		c.add(hub.Invalid(field, "utf8", "%s is not valid UTF-8", field))
	case utf8.RuneCountInString(value) > longest:
		c.add(hub.Invalid(field, "max_length", "%s has %d characters, at most %d are allowed", field, utf8.RuneCountInString(value), longest))
	case strings.ContainsFunc(value, forbidden):
		c.add(hub.Invalid(field, "control_character", "%s contains control characters", field))
	}
}

// lines is text that may have several lines.
func (c *checker) lines(field, value string, longest int) {
	c.text(field, strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(value), false, longest)
}

// forbidden tells the characters that no single-line value may hold: controls,
// line separators, and the marks that reorder text on a screen.
func forbidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

func (c *checker) date(field string, value hub.Date, required bool) {
	if value == "" {
		if required {
			c.add(hub.Invalid(field, "required", "%s is required", field))
		}
		return
	}
	if _, err := hub.ParseDate(string(value)); err != nil {
		c.add(hub.Invalid(field, "date", "%q is not a date of the form YYYY-MM-DD that exists", value))
	}
}

func (c *checker) within(field string, value, low, high int) {
	if value < low || value > high {
		c.add(hub.Invalid(field, "code_list", "%s is %d, allowed are %d to %d", field, value, low, high))
	}
}

// validate makes every check that needs no look-up.
func (s *Service) validate(sub *hub.Submission) hub.Violations {
	var c checker
	c.text("external_id", sub.ExternalID, true, maxExternalID)
	c.text("idempotency_key", sub.Key, false, maxKey)
	if sub.Operation.Code() < 0 {
		c.add(hub.Invalid("operation", "code_list", "operation %q is none of new, recall, update, replace", sub.Operation))
	}
	c.document(&sub.Document)
	c.operation(sub)
	s.recipients(&c, sub.Recipients)
	s.parts(&c, sub)
	return c.found
}

func (c *checker) document(d *hub.Document) {
	c.text("document.code_number", d.CodeNumber, true, maxNumber)
	c.text("document.code_notation", d.CodeNotation, true, maxNotation)
	c.text("document.type_name", d.TypeName, false, maxName)
	c.text("document.subject", d.Subject, true, maxSubject)
	c.lines("document.content", d.Content, maxContent)
	c.text("document.place", d.Place, false, maxName)
	c.date("document.promulgated", d.Promulgated, true)
	c.date("document.due_date", d.DueDate, false)
	c.text("document.signer.competence", d.Signer.Competence, false, maxPosition)
	c.text("document.signer.position", d.Signer.Position, false, maxPosition)
	c.text("document.signer.full_name", d.Signer.FullName, false, maxFullName)
	c.within("document.priority", int(d.Priority), int(hub.PriorityNormal), int(hub.PriorityTimed))
	c.text("document.sphere", d.Sphere, false, maxName)
	c.text("document.typist_mark", d.TypistMark, false, maxName)
	for i, a := range d.Appendixes {
		c.text(fmt.Sprintf("document.appendixes[%d]", i), a, false, maxSubject)
	}
	for i, p := range d.ToPlaces {
		c.text(fmt.Sprintf("document.to_places[%d]", i), p, false, maxToPlaces)
	}
	for i, r := range d.ResponseFor {
		c.reference(fmt.Sprintf("document.response_for[%d]", i), r)
	}
	c.staff(d.Staff)
	c.secret(d)
}

func (c *checker) reference(field string, r hub.Reference) {
	c.text(field+".agency", r.Agency, false, hub.MaxCodeLength)
	c.text(field+".number", r.Number, false, maxNumber+1+maxNotation)
	c.text(field+".external_id", r.ExternalID, false, maxExternalID)
	c.date(field+".promulgated", r.Promulgated, false)
}

func (c *checker) staff(s *hub.Staff) {
	if s == nil {
		return
	}
	c.text("document.staff.name", s.Name, false, maxName)
	c.text("document.staff.department", s.Department, false, maxName)
	c.text("document.staff.email", s.Email, false, maxName)
	c.text("document.staff.mobile", s.Mobile, false, maxFullName)
}

// secret refuses documents marked as state secrets: they must not travel through
// a system of this kind (QĐ 28/2018/QĐ-TTg art. 1.2). The mark is looked for
// where it stands by rule, and as a word of its own in capitals in the subject.
func (c *checker) secret(d *hub.Document) {
	const message = "documents marked as state secrets must not be sent through this system (QĐ 28/2018/QĐ-TTg art. 1.2)"
	if strings.TrimSpace(d.Confidential) != "" {
		c.add(hub.Invalid("document.confidential", "state_secret", message))
	}
	for field, value := range map[string]string{"document.subject": d.Subject, "document.type_name": d.TypeName} {
		if markedSecret(value) {
			c.add(hub.Invalid(field, "state_secret", message))
		}
	}
}

func markedSecret(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if word == "MẬT" {
			return true
		}
	}
	return false
}

// operation checks what a recall, update or replacement must name.
func (c *checker) operation(sub *hub.Submission) {
	b := &sub.Document.Business
	c.text("document.business.earlier_id", b.EarlierID, false, maxExternalID)
	c.lines("document.business.reason", b.Reason, maxReason)
	if sub.Operation == hub.OperationReplace && len(b.Replacements) == 0 && b.EarlierID == "" {
		c.add(hub.Invalid("document.business.replacements", "required", "a replacement names the documents that it replaces"))
	}
	if sub.Operation == hub.OperationUpdate && b.EarlierID == "" {
		c.add(hub.Invalid("document.business.earlier_id", "required", "an update names the document that it updates"))
	}
	for i, r := range b.Replacements {
		c.text(fmt.Sprintf("document.business.replacements[%d].external_id", i), r.ExternalID, true, maxExternalID)
	}
}

func (s *Service) recipients(c *checker, codes []string) {
	switch {
	case len(codes) == 0:
		c.add(hub.Invalid("recipients", "required", "at least one recipient is required"))
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
	for i, p := range sub.Parts {
		field := fmt.Sprintf("parts[%d]", i)
		c.text(field+".id", p.ID, true, maxFullName)
		if seen[p.ID] || p.ID == string(hub.RoleEnvelope) {
			c.add(hub.Invalid(field+".id", "unique", "the part id %q is used twice or reserved", p.ID))
		}
		seen[p.ID] = true
		if p.Role != hub.RoleOriginal && p.Role != hub.RoleAttachment {
			c.add(hub.Invalid(field+".role", "code_list", "the role of a part is original or attachment"))
		}
		c.fileName(field+".name", p.Name)
		c.text(field+".description", p.Description, false, maxSubject)
		c.text(field+".media_type", p.MediaType, true, maxName)
		if p.Size < 0 {
			c.add(hub.Invalid(field+".size", "minimum", "a size is not negative"))
		}
		content = content || p.Size > 0
	}
	if !content {
		c.add(hub.Invalid("parts", "required", "at least one file with content is required"))
	}
}

// fileName checks a name that people will save a file under.
func (c *checker) fileName(field, name string) {
	before := len(c.found)
	c.text(field, name, true, maxPartName)
	if len(c.found) > before {
		return
	}
	if strings.ContainsAny(name, `/\:`) || name == "." || name == ".." || strings.HasSuffix(name, ".") || strings.TrimSpace(name) != name {
		c.add(hub.Invalid(field, "file_name", "a file name has no path, drive, leading or trailing blank, or trailing dot"))
	}
}
